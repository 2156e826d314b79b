"""The server: ``python server.py`` starts it, ``python server.py --help`` says what it can be told."""

from chateau.app import main

if __name__ == "__main__":
    main()
