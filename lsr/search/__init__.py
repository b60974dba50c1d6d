"""Search with words or a picture, and the terms that explain each hit."""
