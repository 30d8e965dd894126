from __future__ import annotations

from functions.domain.customers import Customer
from functions.ports import Stores

CUSTOMER = Customer(
    customer_id="C1", phone="+12025550143", language="fr", critical=True, time_zone="Europe/Paris",
    channels=("voice", "sms"), quiet_from=22 * 60, quiet_to=7 * 60 + 30,
)  # fmt: skip


async def test_a_customer_is_read_as_written(stores: Stores) -> None:
    await stores.customers.put([CUSTOMER, Customer(customer_id="C2")])

    assert await stores.customers.read("C1") == CUSTOMER


async def test_an_unknown_customer_is_none(stores: Stores) -> None:
    assert await stores.customers.read("C1") is None


async def test_a_customer_is_replaced(stores: Stores) -> None:
    await stores.customers.put([CUSTOMER])
    await stores.customers.put([Customer(customer_id="C1", phone="+12025550199")])

    assert await stores.customers.read("C1") == Customer(customer_id="C1", phone="+12025550199")


async def test_many_customers_are_read_at_once_and_unknown_ones_left_out(stores: Stores) -> None:
    await stores.customers.put([CUSTOMER, Customer(customer_id="C2")])

    assert await stores.customers.read_many(["C2", "C1", "C9"]) == {"C1": CUSTOMER, "C2": Customer(customer_id="C2")}
    assert await stores.customers.read_many([]) == {}


async def test_customers_are_found_by_their_number(stores: Stores) -> None:
    same = Customer(customer_id="C0", phone=CUSTOMER.phone)
    await stores.customers.put([CUSTOMER, Customer(customer_id="C2", phone="+12025550144"), same])

    assert await stores.customers.with_phone(CUSTOMER.phone) == [same, CUSTOMER]
    assert await stores.customers.with_phone("+12025550100") == []
    await stores.customers.put([Customer(customer_id="C0")])
    assert await stores.customers.with_phone(CUSTOMER.phone) == [CUSTOMER]


async def test_a_customer_is_forgotten_once(stores: Stores) -> None:
    await stores.customers.put([CUSTOMER])

    assert await stores.customers.remove("C1") is True
    assert await stores.customers.remove("C1") is False
    assert await stores.customers.read("C1") is None
