"""Averages by several guides: the weight of a pixel is a product of Gaussians of how much each guide differs."""
