"""Elements of a circuit as Python shows them."""

from inspect import signature

import thalia


def test_the_signature_of_an_element_is_its_fields_and_their_defaults():
    found = signature(thalia.Phase)

    assert [*found.parameters] == [*thalia.Phase.model_fields]
    assert all(each.annotation is each.empty for each in found.parameters.values())
    assert found.parameters["duration"].default is found.empty
    assert "Annotated" not in str(signature(thalia.Connect))
