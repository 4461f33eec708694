"""What can be set, and what of it can't be set together.

``docs/settings.md`` explains every key to the technician; ``gateway run`` is the same command for both roles.
"""

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import phonenumbers

from gateway.errors import SettingsError
from gateway.settings_file import form, read
from gateway.settings_forms import E164, Address, Amount, Count, Country, Kind, Name, NotNegative, Positive, Prefix


class LineSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[line]]``: a modem and the telephone line it hangs on."""

    name: Name
    port: str
    model: str
    number: E164
    """The line's own number; never dialled by us (loop guard)."""
    country: Country = "JP"
    baud: Annotated[int, msgspec.Meta(ge=1200, le=921600)] = 115200
    audio: str | None = None
    """GSM and LTE: where the sound is, a serial port or ``alsa:`` and a device (``alsa:hw:Android``)."""
    pin: Annotated[str, form("^[0-9]{4,8}$", "four to eight digits")] | None = None
    """GSM and LTE: of the SIM; one wrong PIN is not tried again."""
    international_prefix: str | None = None
    """Dialled before an E.164 number without its +; the country's own if absent."""
    dial_prefix: Annotated[str, form("^[0-9*#,W]*$", "digits, *, #, a comma (a pause) or W (wait for dial tone)")] = ""
    """To reach an outside line of a branch exchange ("0,")."""
    route: Name | None = None
    """The route of the rate deck that prices calls out of this line."""
    incoming: Name | None = None
    """The route that prices calls into this line, where we pay for them (freephone)."""
    trace: str | None = None
    """A file that every byte of AT traffic is written to."""
    record: str | None = None
    """A folder that gets one WAV a call (left: far end, right: us)."""


class GuidanceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[guidance]``, domestic: what an inbound caller hears before we hang up."""

    answer: Literal["answer", "reject"] = "answer"
    """An accepted caller: answer with guidance, or reject the call unanswered and call back (mobile lines; free)."""
    accepted: Literal["speech", "tone"] = "speech"
    withheld: Literal["hint", "ring"] = "hint"
    """A caller who withholds by wish (P): answer with "dial 186 first", or let it ring (a mobile line rejects it)."""
    refused: Literal["speech", "ring"] = "ring"
    """C, O, S and unknown."""
    not_kept: Literal["speech", "ring"] = "speech"
    """An honest "we can't take your call now" where the request could not be kept."""
    menu: Literal["never", "cheaper"] = "never"
    """An accepted caller of a line whose calls are ours to pay for: the menu on this call where that costs less."""
    settle: NotNegative = 0.0
    """Seconds from on hook to the hand-over, so that the caller's telephone is free again when we ring."""


class RouteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[link.route]]`` to the other box; the first is preferred."""

    name: Name
    bind: Address | None = None
    """Where this box listens on this route: ``tcp://*:5810``."""
    connect: Address | None = None
    """Where the peer listens on this route."""
    source: str | None = None
    """Local address to go out from, so that a dedicated line is really used."""


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[link]``: the other box; one ``[[link]]`` each where there are several."""

    peer: Name
    routes: Annotated[tuple[RouteSettings, ...], msgspec.Meta(min_length=1)] = msgspec.field(name="route")
    ack_floor: Positive = 0.4
    """Shortest wait for an acknowledgement, in real seconds, before another route or another try."""
    away_limit: Positive = 3600.0
    """Domestic: with the peer away this long, and all others too, callers hear that we can't call back."""
    line_routes: tuple[Name, ...] = ()
    """Domestic: the rate deck's routes that price calls out of that box's lines."""


class RetrySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[retry]``, overseas: seconds before the next attempt, by outcome; an empty list: no further attempt."""

    busy: tuple[NotNegative, ...] = (60.0, 120.0, 300.0)
    no_answer: tuple[NotNegative, ...] = (120.0, 600.0)
    network: tuple[NotNegative, ...] = (15.0, 60.0, 300.0, 900.0)
    left_early: tuple[NotNegative, ...] = (30.0,)
    machine: tuple[NotNegative, ...] = (900.0,)
    expires: Positive = 7200.0
    """A request older than this is closed as not reached."""


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[policy]``: what may be dialled; everything else is refused. Checked on both boxes."""

    regions: tuple[Country, ...] = ()
    kinds: tuple[Kind, ...] = ("mobile", "fixed_line", "fixed_line_or_mobile", "voip", "personal_number")
    callback_permitted: tuple[Country, ...] = ()
    """Countries that are said to forbid call-back services, and that you have found to permit yours."""
    blocked: tuple[Prefix, ...] = ()
    """E.164 prefixes never accepted nor dialled."""
    own_numbers: tuple[E164, ...] = ()
    """Further numbers of ours, the other box's above all: like those of the lines here they are never dialled."""
    block_list: str | None = None
    """A CSV file of such prefixes, read again whenever it changes."""
    customers: str | None = None
    """A CSV file of customers' numbers, read again whenever it changes."""
    customers_only: bool = False
    """Nobody else is served."""
    first_contacts_day: Count = 1000
    """Numbers that were never served before, a day."""
    per_number_hour: Count = 2
    per_number_day: Count = 5
    per_prefix_hour: Count = 500
    """Requests of one block of 10,000 numbers."""
    per_prefix_day: Count = 1000
    all_hour: Count = 1000
    all_day: Count = 5000
    spend_day: Amount | None = None
    """In tariff.currency; the worst case of every call is set aside before it begins."""
    spend_month: Amount | None = None
    max_calls: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Call-backs at once; as many as there are lines if absent."""
    max_waiting: Count = 500
    """Domestic: customers who are owed a call-back at once."""
    max_call: Positive = 600.0
    """Hard cap on a call-back, seconds, enforced by the overseas box alone."""
    quiet: (
        Annotated[str, form(r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$", "hours like 21:00-08:00")] | None
    ) = None
    """Hours of the callee's day in which nobody is dialled: ``21:00-08:00``."""

    @property
    def capped(self) -> bool:
        """A spend cap is set."""
        return self.spend_day is not None or self.spend_month is not None


class AlarmSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[alarm]``: signs of fraud that somebody should look at."""

    webhook: Annotated[str, form("^https?://", "an address that begins with http:// or https://")] | None = None
    """Gets each alarm as a JSON object, by POST."""
    sequential: Annotated[int, msgspec.Meta(ge=2)] = 5
    """Callers within the hour whose numbers follow one another."""
    short_calls: Annotated[int, msgspec.Meta(ge=2)] = 5
    """Answered call-backs within ten minutes that were over in ``short_call`` seconds."""
    short_call: Positive = 10.0
    spend_hour: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.25
    """Share of policy.spend_day that may be spent within an hour."""


class TariffSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[tariff]``: what calls cost, by the imported rate decks."""

    currency: Annotated[str, form("^[A-Z]{3}$", "a currency in three capital letters, like JPY")] = "JPY"
    """Of quotes, reports and spend caps."""
    zone: str | None = None
    """Time zone of the box's days and its decks' hours (``Asia/Tokyo``); that of the first line's number if absent."""
    data_per_call: Amount = Decimal(0)
    """What the link's traffic for one call costs."""
    dedicated_month: Amount = Decimal(0)
    """What the dedicated line costs a month."""
    dedicated_calls: Annotated[int, msgspec.Meta(ge=1)] = 1000
    """Call-backs a month that are to bear it; each bears its share."""
    expected_s: Positive = 120.0
    """How long a call is thought to last when ways to serve it are compared."""


class CallbackSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[callback]``, overseas; domestic the menu too, with guidance.menu."""

    menu: str | None = None
    """The menu file; the built-in order menu if absent."""
    ring_time: Positive = 45.0
    """Give up ringing after this many seconds."""
    human_check: Positive = 30.0
    """Without a key for this long after the answer it was no person."""
    give_back: Positive | None = None
    """A request that no line was free for in so many seconds goes back, for another overseas box; never if absent."""


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[retention]``: days until what names a person is dropped; 0 keeps it for ever."""

    calls: Count = 90
    """Numbers of callers and requests, and the link's traces of them."""
    recordings: Count = 90
    """Spoken messages."""
    orders: Count = 365
    """Numbers of orders."""
    at: Annotated[str, form(r"^([01]\d|2[0-3]):[0-5]\d$", "a time of day like 03:30")] = "03:30"
    """When that is done every day, by the clock where the box is."""


class MetricsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[metrics]``: figures for Prometheus."""

    listen: (
        Annotated[str, form(r"^([\w.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$", "an address and a port, like 127.0.0.1:9469")]
        | None
    ) = None
    """Address and port (``127.0.0.1:9469``); no figures if absent."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    role: Literal["domestic", "overseas"]
    name: Name
    data: str
    """Folder for the store, keys and recordings; a relative path counts from the settings file."""
    country: Country = "JP"
    language: Literal["ja", "en"] = "ja"
    order_prefix: Annotated[str, form("^[0-9]{0,3}$", "three digits at most")] = ""
    """First digits of the order numbers that this box gives; where several boxes take orders each needs its own."""
    prompts: str | None = None
    """A folder whose WAV files replace the shipped ones of the same name."""
    tones: str | None = None
    """A TOML file with the call-progress tones of further countries (docs/tones.md)."""
    lines: Annotated[tuple[LineSettings, ...], msgspec.Meta(min_length=1)] = msgspec.field(name="line")
    link: LinkSettings | Annotated[tuple[LinkSettings, ...], msgspec.Meta(min_length=1)]
    """As the file has it; ``links`` is what to read."""
    guidance: GuidanceSettings = GuidanceSettings()
    retry: RetrySettings = RetrySettings()
    policy: PolicySettings = PolicySettings()
    alarm: AlarmSettings = AlarmSettings()
    tariff: TariffSettings = TariffSettings()
    callback: CallbackSettings = CallbackSettings()
    retention: RetentionSettings = RetentionSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def links(self) -> tuple[LinkSettings, ...]:
        """The other boxes, in the order of the file."""
        return (self.link,) if isinstance(self.link, LinkSettings) else self.link

    @property
    def store(self) -> Path:
        """The store's file."""
        return Path(self.data) / "gateway.db"

    @property
    def stop_file(self) -> Path:
        """While it exists nothing is dialled (``gateway policy stop``)."""
        return Path(self.data) / "stop"

    @property
    def keys(self) -> Path:
        """The folder of our key pair and the peers' public keys."""
        return Path(self.data) / "keys"


MOVED = {"tariff.overseas": "write its routes as line_routes under the [link] to the box whose lines they price"}
"""Keys of earlier versions, and where what they said belongs now."""


def load(path: Path) -> Settings:
    """Read and check a settings file; paths in it become absolute. Raises ``SettingsError``."""
    settings = read(path, Settings, missing="no such settings file; name one with --settings", moved=MOVED)
    names = [line.name for line in settings.lines]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f'{path}: two lines are named "{name}"; give each [[line]] its own name')
    ports = [line.port for line in settings.lines]
    for port in ports:
        if ports.count(port) > 1:
            raise SettingsError(f"{path}: port {port} is given to two lines; one modem serves one line")
    _check_countries(path, settings)
    _check_links(path, settings)
    _check_money(path, settings)
    return _absolute(settings, path.resolve().parent)


def _check_countries(path: Path, settings: Settings) -> None:
    named = {
        "country": [settings.country],
        **{f'country of line "{line.name}"': [line.country] for line in settings.lines},
        "policy.regions": settings.policy.regions,
        "policy.callback_permitted": settings.policy.callback_permitted,
    }
    for key, countries in named.items():
        for country in countries:
            if country not in phonenumbers.SUPPORTED_REGIONS:
                raise SettingsError(f"{path}: {key}: {country} is no country; write its ISO 3166 letters, like GB")


def _check_links(path: Path, settings: Settings) -> None:
    peers = [link.peer for link in settings.links]
    if settings.name in peers:
        raise SettingsError(f'{path}: link.peer "{settings.name}" is this box itself; name the other one')
    for peer in peers:
        if peers.count(peer) > 1:
            raise SettingsError(f'{path}: two links name peer "{peer}"; put the routes to one box under one [[link]]')
    for link in settings.links:
        _check_routes(path, link)
    binds = [(link.peer, route.bind) for link in settings.links for route in link.routes if route.bind is not None]
    for (peer, bind), (other, again) in itertools.combinations(binds, 2):
        if _collide(bind, again):
            raise SettingsError(
                f"{path}: {bind} (link to {peer}) and {again} (link to {other}) are one address;"
                " give each bind a port of its own"
            )


def _check_routes(path: Path, link: LinkSettings) -> None:
    names = [route.name for route in link.routes]
    for route in link.routes:
        if names.count(route.name) > 1:
            raise SettingsError(
                f'{path}: two routes to {link.peer} are named "{route.name}"; give each [[link.route]] its own name'
            )
        if (route.bind is None) == (route.connect is None):
            raise SettingsError(f'{path}: route "{route.name}" to {link.peer}: give it either bind or connect')


def _collide(bind: str, other: str) -> bool:
    (host, _, port), (other_host, _, other_port) = bind.rpartition(":"), other.rpartition(":")
    everywhere = {"tcp://*", "tcp://0.0.0.0"}
    same_host = host == other_host or host in everywhere or other_host in everywhere
    return same_host and port == other_port and port not in ("*", "0")


def _check_money(path: Path, settings: Settings) -> None:
    policy, tariff = settings.policy, settings.tariff
    amounts = {
        "policy.spend_day": policy.spend_day,
        "policy.spend_month": policy.spend_month,
        "tariff.data_per_call": tariff.data_per_call,
        "tariff.dedicated_month": tariff.dedicated_month,
    }
    for key, amount in amounts.items():
        if amount is not None and not (amount.is_finite() and amount >= 0):
            raise SettingsError(f"{path}: {key} must be an amount of money, not less than 0")
    if not policy.capped:
        return
    nameless = [link.peer for link in settings.links if not link.line_routes]
    if settings.role == "domestic" and nameless:
        raise SettingsError(
            f"{path}: a spend cap needs prices; name the routes of {nameless[0]}'s lines in its line_routes"
        )
    if settings.role == "overseas" and (unpriced := [line.name for line in settings.lines if line.route is None]):
        raise SettingsError(f'{path}: a spend cap needs prices; give line "{unpriced[0]}" its route')


def _absolute(settings: Settings, base: Path) -> Settings:
    def fix(path: str | None) -> str | None:
        return None if path is None else str(base / path)

    def sound(audio: str | None) -> str | None:
        return audio if audio is not None and audio.startswith("alsa:") else fix(audio)

    lines = tuple(
        msgspec.structs.replace(
            line,
            port=str(base / line.port),
            audio=sound(line.audio),
            trace=fix(line.trace),
            record=fix(line.record),
        )
        for line in settings.lines
    )
    return msgspec.structs.replace(
        settings,
        data=str(base / settings.data),
        prompts=fix(settings.prompts),
        tones=fix(settings.tones),
        lines=lines,
        callback=msgspec.structs.replace(settings.callback, menu=fix(settings.callback.menu)),
        policy=msgspec.structs.replace(
            settings.policy,
            block_list=fix(settings.policy.block_list),
            customers=fix(settings.policy.customers),
        ),
    )
