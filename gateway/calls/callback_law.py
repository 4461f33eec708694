"""Countries that are said to forbid call-back services on their territory.

WTSA Resolution 29 (and Plenipotentiary Resolution 21) asks everybody to respect such laws. The names are those of TSB
Circular 88 of 6 May 2002 (ITU), section 4: countries that announced in the Operational Bulletin that call-back is
prohibited there. Of that list only the part from A to N was to be had (it goes on after the Netherlands Antilles), and
the replies of 62 administrations in its annex are not in here. Some have changed their law since, others have passed
one; every ITU Operational Bulletin has a note "Call-back and alternative calling procedures" with the newest. A country
that is not listed here may well forbid it: who serves customers abroad asks the regulator there.
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
