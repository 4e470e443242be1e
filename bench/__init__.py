"""What Balise costs and how fast it is, measured."""
