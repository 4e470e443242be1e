"""The patient's page: served by the box itself, without internet and without JavaScript."""
