"""`--exercise`: an implementation that is being written, rung by rung in the document's order."""
