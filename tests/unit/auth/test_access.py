"""The access table names every method there is, and no other."""

from daydream.auth.v1 import accounts_pb2, audit_pb2, auth_pb2, codes_pb2, grants_pb2

from services.auth.access import ACCESS


def test_every_method_stands_in_the_access_table() -> None:
    methods = {
        f"/{service.full_name}/{method.name}"
        for file in (auth_pb2, accounts_pb2, audit_pb2, codes_pb2, grants_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }

    assert ACCESS.keys() == methods


def test_only_the_two_methods_that_give_out_trust_are_public() -> None:
    public = {method.rpartition("/")[2] for method, access in ACCESS.items() if access.public}

    assert public == {"IssueServiceToken", "ListSigningKeys"}


def test_nobody_who_acts_in_a_persons_name_may_call_auth_at_all() -> None:
    lent = {method for method, access in ACCESS.items() if access.delegated}

    assert lent == set()
