"""What the site is made of, besides the pages in docs/: pages that are written when it is built."""
