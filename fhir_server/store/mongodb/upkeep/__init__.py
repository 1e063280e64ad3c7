"""What operators and background jobs do with a whole store: clean, verify and rebuild the index, back up, restore."""
