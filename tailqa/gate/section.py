"""What all parts of a policy file share."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of a policy file; a key that is not known is a fault."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
