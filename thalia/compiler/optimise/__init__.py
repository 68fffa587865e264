"""Plan to Plan: few large objects, and the cheapest exact form of each variable."""
