"""The one exception that is meant for people."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    ``str(error)`` is one sentence that says what is wrong and what to do; the browser and the command line show
    it as it is, without a traceback.
    """
