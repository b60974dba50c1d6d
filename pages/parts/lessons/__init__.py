"""What the Lessons page is made of: a frame that all lessons share, and a file a lesson."""
