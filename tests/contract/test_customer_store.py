from __future__ import annotations

from functions.domain.notifications import Customer
from functions.ports import Stores

CUSTOMER = Customer(customer_id="C1", phone="+15550100", language="de", critical=True)


async def test_a_customer_is_read_as_written(stores: Stores) -> None:
    await stores.customers.put([CUSTOMER, Customer(customer_id="C2")])

    assert await stores.customers.read("C1") == CUSTOMER


async def test_an_unknown_customer_is_none(stores: Stores) -> None:
    assert await stores.customers.read("C1") is None


async def test_a_customer_is_replaced(stores: Stores) -> None:
    await stores.customers.put([CUSTOMER])
    await stores.customers.put([Customer(customer_id="C1", phone="+15550199")])

    assert await stores.customers.read("C1") == Customer(customer_id="C1", phone="+15550199")
