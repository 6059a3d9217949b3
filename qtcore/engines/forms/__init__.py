"""Forms: what a page draws from a schema, and typed values or faults from what was entered.

It must not know HTML, records, the expression language, or any other engine.
"""

from qtcore.engines.forms.build import build_form, default_values
from qtcore.engines.forms.fields import Evaluate, Property, Texts, plain_schema, read_properties
from qtcore.engines.forms.read import Read, has_conditions, read_values
from qtcore.engines.forms.show import display_value, from_json_values, to_json_values
from qtcore.engines.forms.submitted import nest_submitted
from qtcore.engines.forms.view import Choice, FieldView, FormError, FormView, SectionView

__all__ = [
    "Choice",
    "Evaluate",
    "FieldView",
    "FormError",
    "FormView",
    "Property",
    "Read",
    "SectionView",
    "Texts",
    "build_form",
    "default_values",
    "display_value",
    "from_json_values",
    "has_conditions",
    "nest_submitted",
    "plain_schema",
    "read_properties",
    "read_values",
    "to_json_values",
]
