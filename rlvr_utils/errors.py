"""The one error type that a user of this package should ever have to read."""


class UserError(ValueError):
    """A mistake that the user can mend: one line naming the thing, the place and the remedy."""
