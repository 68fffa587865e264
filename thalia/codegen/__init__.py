"""Plan to Brian2 model text, and the printed plan."""
