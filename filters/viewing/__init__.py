"""The interactive page: an image, a filter, its parameters as sliders, and the result while they are dragged."""
