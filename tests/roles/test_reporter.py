from a3c.roles.reporter import Reporter


def test_every_report_of_a_learner_has_its_threads():
    """Also the only one of a short run, whenever it is sent."""
    reports = []
    reporter = Reporter(2, reports.append, every=0.0)
    reporter.threads = {"trainer": 1, "predictor": 2}
    reporter.flush()
    reporter.flush()
    assert [report.threads for report in reports] == [{"trainer": 1, "predictor": 2}] * 2
