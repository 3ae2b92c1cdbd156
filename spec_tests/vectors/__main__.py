"""Write the vectors, measure how strong they are, or compare answers with them: `command.py` says how."""

from spec_tests.vectors.command import main

if __name__ == "__main__":
    main()
