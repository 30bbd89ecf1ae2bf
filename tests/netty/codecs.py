"""Netty's frame decoders and prependers, and zbuf's: what each recorded fragment gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from zbuf import codec
from zbuf.errors import CorruptFrameError, FrameTooLongError

from .recordings import Scenario, Step
from .totals import Totals

Config = dict[str, Any]

CODECS: dict[str, Callable[[Config], Any]] = {
    "length_field_based_frame_decoder": lambda c: codec.LengthFieldDecoder(
        c["max_frame_length"], offset=c["length_field_offset"], width=c["length_field_length"],
        adjustment=c["length_adjustment"], strip=c["initial_bytes_to_strip"], byteorder=c["byte_order"],
        fail_fast=c["fail_fast"]),
    "line_based_frame_decoder": lambda c: codec.LineDecoder(
        c["max_length"], strip=c["strip_delimiter"], fail_fast=c["fail_fast"]),
    "delimiter_based_frame_decoder": lambda c: codec.DelimiterDecoder(
        c["max_frame_length"], *map(bytes.fromhex, c["delimiters"]), strip=c["strip_delimiter"], fail_fast=c["fail_fast"]),
    "fixed_length_frame_decoder": lambda c: codec.FixedLengthDecoder(c["frame_length"]),
    "protobuf_varint32_frame_decoder": lambda c: codec.VarintLengthDecoder(2**31 - 1),
    "length_field_prepender": lambda c: codec.LengthFieldPrepender(
        c["length_field_length"], adjustment=c["length_adjustment"],
        includes_length=c["length_includes_length_field_length"], byteorder=c["byte_order"]),
    "protobuf_varint32_length_field_prepender": lambda c: codec.VarintLengthPrepender(),
}

KINDS = {FrameTooLongError: "!TooLongFrame", CorruptFrameError: "!CorruptedFrame"}


def goes_on(name: str, config: Config) -> bool:
    """Netty's line decoder, which also serves lines as delimiters, goes on after an error; the others stop till more comes."""
    return name == "line_based_frame_decoder" or sorted(config.get("delimiters", ())) == ["0a", "0d0a"]


@dataclass(slots=True)
class Stream:
    """One codec of zbuf, and what went in and came out."""

    name: str
    config: Config
    codec: Any = None
    fed: bytes = b""
    events: list[str] = field(default_factory=list)

    def create(self) -> None:
        self.codec = CODECS[self.name](self.config)

    def feed(self, data: bytes) -> list[str]:
        self.fed += data
        return self.collect(lambda: self.codec.feed(data), goes_on(self.name, self.config))

    def finish(self) -> list[str]:
        return self.collect(self.codec.finish, False)

    def collect(self, take: Callable[[], list[Any]], on: bool) -> list[str]:
        events: list[str] = []
        while True:
            try:
                events += [bytes(frame).hex() for frame in take()]
                break
            except (FrameTooLongError, CorruptFrameError) as error:
                events += [*(bytes(frame).hex() for frame in error.frames), KINDS[type(error)]]
                if not on:
                    break
                take = partial(self.codec.feed, b"")
        self.events += events
        return events

    def at_once(self) -> list[str]:
        """What all that was fed gives in one piece."""
        whole = Stream(self.name, self.config)
        whole.create()
        return whole.collect(partial(whole.codec.feed, self.fed), True) + whole.collect(whole.codec.finish, False)


def outcome(stream: Stream, step: Step) -> tuple[Any, Exception | None]:
    try:
        match step.op:
            case "codec_create":
                return stream.create(), None
            case "feed":
                return stream.feed(bytes.fromhex(step.args[0])), None
            case "finish":
                return stream.finish(), None
            case "encode":
                return bytes(stream.codec.encode(bytes.fromhex(step.args[0]))).hex(), None
    except (ValueError, OverflowError) as error:
        return None, error
    raise NotImplementedError(step.op)


def as_recorded(step: Step, result: Any, error: Exception | None) -> bool:
    if step.op in ("codec_create", "encode") and step.raises:
        return isinstance(error, ValueError | OverflowError)
    return error is None and result == step.result


@dataclass(frozen=True, slots=True)
class CodecRule:
    name: str
    reason: str
    applies: Callable[[Stream, Step], bool]
    holds: Callable[[Stream, Step, Any, Exception | None], bool]


CODEC_RULES = [
    CodecRule(
        "widths_are_checked_at_once", "a width that no frame can have is a ValueError when the decoder is made",
        lambda stream, step: step.op == "codec_create" and stream.config.get("length_field_length") not in (1, 2, 3, 4, 8, None),
        lambda stream, step, result, error: isinstance(error, ValueError)),
    CodecRule(
        "a_stream_ends_between_frames", "bytes that are left over at the end are an error, not dropped in silence",
        lambda stream, step: step.op == "finish",
        lambda stream, step, result, error: result[:-1] == step.result and result[-1] in KINDS.values()),
    CodecRule(
        "frames_do_not_depend_on_the_cuts", "the frames of a stream are the same however it is cut into fragments: of two "
        "delimiters the one that is whole first ends the frame, and half a delimiter is not counted as its bytes",
        lambda stream, step: step.op == "feed" and stream.name == "delimiter_based_frame_decoder",
        lambda stream, step, result, error: error is None),     # and see replay: the whole stream gives the same
]


def replay(scenario: Scenario, file: str, totals: Totals) -> None:
    stream = Stream(scenario.setup["codec"], scenario.setup["config"])
    for number, step in enumerate(scenario.steps):
        if number > 0 and stream.codec is None:
            totals.add(file, step.op, verdict)      # Netty went on with what zbuf refused to make
            continue
        result, error = outcome(stream, step)
        verdict: str | None = ""
        if not as_recorded(step, result, error):
            rule = next((rule for rule in CODEC_RULES if rule.applies(stream, step)), None)
            verdict = rule.name if rule and rule.holds(stream, step, result, error) else None
        totals.add(file, step.op, verdict)
        if verdict is None:
            totals.failures.append(f"{file} {scenario.id} step {number}: {step.op} {step.args}: recorded {step.result}, "
                                   f"raises {step.raises}; zbuf {result}, {error!r}")
    if stream.codec is not None and scenario.steps[-1].op == "finish" and stream.events != stream.at_once():
        totals.failures.append(f"{file} {scenario.id}: {stream.events} in fragments, {stream.at_once()} in one piece")
