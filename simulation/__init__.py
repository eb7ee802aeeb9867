"""What is made up: synthetic scenes, and labelled tiles as other seasons and sensors would show them."""
