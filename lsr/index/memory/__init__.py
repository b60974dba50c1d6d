"""The exact search engine inside this process."""
