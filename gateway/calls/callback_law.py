"""Countries that are said to forbid call-back services on their territory.

WTSA Resolution 29 (and Plenipotentiary Resolution 21) asks everybody to respect such laws. Names of countries are from
the announcements quoted in TSB Circular 88 of 6 May 2002 (ITU). The list is old and not complete: some have changed
their law since, others have passed one. Who serves customers abroad asks the regulator there.
"""

FORBIDDEN = frozenset(
    {
        "AZ", "BG", "BI", "CM", "CK", "CY", "CD", "EG", "GA", "GN", "IN", "JM", "JO", "KE", "KG", "MC", "MA",
        "BQ", "CW", "SX",  # then the Netherlands Antilles
    }
)  # fmt: skip

NOTICE = (
    "this country has announced to the ITU that call-back services are forbidden there; if you have asked its regulator"
    " and yours is permitted, name it in policy.callback_permitted"
)
