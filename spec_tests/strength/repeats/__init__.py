"""Whether the default run passes again and again, whatever it draws and wherever it takes place."""
