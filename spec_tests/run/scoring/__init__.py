"""Many files are graded, each in processes of its own, and what a class did not understand is said."""
