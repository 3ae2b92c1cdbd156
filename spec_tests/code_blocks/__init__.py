"""The programs that the document prints (`printed/`), and what runs them."""
