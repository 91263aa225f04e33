"""
gaussian: blur
==============

A true Gaussian of any size: the time does not grow with sigma.
"""

from drawing import difference, photo, show

from filters import gaussian, reference

coffee = photo("coffee")
panels = {"the photograph": coffee}
panels |= {f"sigma = {sigma}": gaussian(coffee, sigma) for sigma in (2, 6, 20)}
show(panels, columns=2)

# %%
# Sigma may differ between rows and columns, and what lies outside of the image is a choice: on the right, the same wide
# blur with the image mirrored at its rim, and with black around.

show(
    {
        "sigma = (0, 12)": gaussian(coffee, (0, 12)),
        "sigma = (12, 0)": gaussian(coffee, (12, 0)),
        "sigma = 40": gaussian(coffee, 40),
        'border = "constant"': gaussian(coffee, 40, border="constant"),
    }
)

# %%
# The kernel is made of some cosines, by default three. These are the errors against direct sums in float64, enlarged as
# the titles say: two terms are off by less than eight bits can show.

coffee = coffee.astype("float32")
exact = reference.gaussian(coffee, 6.0)
panels = {}
for terms, gain in ((1, 100), (2, 1000), (3, 5000), (5, 100000)):
    blurred = gaussian(coffee, 6.0, terms=terms, method="sliding")
    panels[f"terms = {terms}: {reference.psnr(blurred, exact, 255):.0f} dB, x {gain}"] = difference(
        blurred, exact, gain
    )
show(panels)
