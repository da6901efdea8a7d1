"""River estimators in state: what they cost, and that the profile's uses of them are exact."""

import json

from river import linear_model, preprocessing, stats, time_series

from streams.models.river import ALLOWED, dump, load


def test_the_list_is_the_documented_one():
    assert {kind.__name__ for kind in ALLOWED} == {
        "Mean", "Var", "EWMean", "EWVar", "Quantile", "ADWIN", "PageHinkley",
        "StandardScaler", "LinearRegression", "HoltWinters",
    }  # fmt: skip


def test_states_are_plain_data_of_tens_of_bytes():
    mean, scaler = stats.EWMean(0.1), preprocessing.StandardScaler()
    mean.update(1.0)
    scaler.learn_one({"a": 1.0, "b": 2.0})
    assert len(dump(mean)) < 80
    assert len(dump(scaler)) < 80
    assert b"river" not in dump(mean)  # no module path, nothing to import


def test_a_pipeline_of_two_is_saved_by_its_parts():
    scaler, model = preprocessing.StandardScaler(), linear_model.LinearRegression()
    for k in range(50):
        x = {"a": float(k % 7), "b": float(k % 3)}
        scaler.learn_one(x)
        model.learn_one(scaler.transform_one(x), 2.0 * x["a"] - x["b"])
    again = load(dump(scaler)), load(dump(model))
    x = {"a": 3.0, "b": 1.0}
    expected = model.predict_one(scaler.transform_one(x))
    assert again[1].predict_one(again[0].transform_one(x)) == expected


def test_whole_numbers_stay_whole_in_a_forecaster():
    model = time_series.HoltWinters(0.5)
    model.learn_one(3)
    model.learn_one(5)
    assert json.dumps(load(dump(model)).forecast(2)) == json.dumps(model.forecast(2))
