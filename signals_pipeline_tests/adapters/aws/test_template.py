"""The parameters of an update: what is set, what is kept, and what a template alone decides."""

from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.aws.template import Template, parameter_values, parse, settable

NAMES = st.sampled_from(["ImageUri", "CandidateImageUri", "LogDays", "MailFrom", "Feeds", "Contact"])
VALUES = st.dictionaries(NAMES, st.text(max_size=3))


def template_with(names: set[str]) -> Template:
    return {"Parameters": {name: {"Type": "String", "Default": "default"} for name in names}}


@given(st.sets(NAMES), VALUES, VALUES)
def test_an_update_keeps_every_value_that_it_does_not_set_and_names_none_that_the_template_lacks(
    names: set[str], previous: dict[str, str], sent: dict[str, str]
) -> None:
    values = {each["ParameterKey"]: each for each in parameter_values(names, previous, sent)}
    effective = {}
    for name, value in values.items():
        effective[name] = previous[str(name)] if value.get("UsePreviousValue") else value["ParameterValue"]
    assert set(values) == names & (set(previous) | set(sent))
    assert effective == {name: sent.get(str(name), previous.get(str(name))) for name in values}


@given(st.sets(NAMES), VALUES)
def test_a_stack_that_is_made_again_has_the_user_s_parameters_and_no_image(
    names: set[str], parameters: dict[str, str]
) -> None:
    kept = settable(template_with(names), parameters)
    assert kept.items() <= parameters.items()
    assert set(kept) == (names & set(parameters)) - {"ImageUri", "CandidateImageUri"}


def test_short_forms_are_their_long_ones_in_yaml_and_json() -> None:
    text = "A: !Ref B\nC: !GetAtt D.E.F\nG: !Sub ['${H}', {H: I}]\nJ: !If [K, !Ref L, {M: N}]\nO: !Condition P\n"
    expected = {
        "A": {"Ref": "B"},
        "C": {"Fn::GetAtt": ["D", "E.F"]},
        "G": {"Fn::Sub": ["${H}", {"H": "I"}]},
        "J": {"Fn::If": ["K", {"Ref": "L"}, {"M": "N"}]},
        "O": {"Condition": "P"},
    }
    assert parse(text) == expected
    assert parse("Q: !Transform {Name: R}\n") == {"Q": {"Fn::Transform": {"Name": "R"}}}
    assert parse(' {"A": {"Ref": "B"}}') == {"A": {"Ref": "B"}}
