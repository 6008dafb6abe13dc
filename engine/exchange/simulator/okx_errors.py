"""The venue's refusals: OKX's codes with OKX-like texts (okx.md §12)."""

from __future__ import annotations

MESSAGES = {
    "50001": "Service temporarily unavailable. Please try again later.",
    "50013": "Systems are busy. Please try again later.",
    "50030": "You don't have permission to use this API endpoint",
    "50101": "APIKey does not match current environment.",
    "50110": "Your IP is not included in your API key's IP whitelist.",
    "50111": "Invalid OK-ACCESS-KEY",
    "50113": "Invalid Sign",
    "50120": "This API key doesn't have permission to use this function",
    "50002": "JSON syntax error",
    "50014": "Parameter {name} cannot be empty.",
    "50015": "Either parameter {name} or {other} is required",
    "51000": "Parameter {name} error",
    "51001": "Instrument ID, Instrument ID code, or Spread ID doesn't exist.",
    "51003": "Either client order ID or order ID is required.",
    "51006": "Order price is not within the price limit (max buy price: {buy}, min sell price: {sell})",
    "51008": "Order failed. Insufficient {ccy} margin in account",
    "51004": "Order failed. For isolated/cross {inst_id}, the sum of position and order size cannot exceed {limit} "
    "(contracts) at the current leverage of {lever}.",
    "51016": "Client order ID already exists.",
    "51020": "Your order should meet or exceed the minimum order amount.",
    "51022": "Contract suspended.",
    "51027": "Contract has expired.",
    "51023": "Position doesn't exist.",
    "51025": "Order count exceeds the limit.",
    "51046": "The take profit trigger price must be higher than the order price",
    "51047": "The stop loss trigger price must be lower than the order price",
    "51048": "The take profit trigger price must be lower than the order price",
    "51049": "The stop loss trigger price must be higher than the order price",
    "51050": "The take profit trigger price must be higher than the best ask price",
    "51051": "The stop loss trigger price must be lower than the best ask price",
    "51052": "The take profit trigger price must be lower than the best bid price",
    "51053": "The stop loss trigger price must be higher than the best bid price",
    "51065": "algoClOrdId already exists.",
    "51068": "{name} already exists within algoClOrdId and attachAlgoClOrdId.",
    "51088": "You can only place 1 TP/SL order to close an entire position",
    "51101": "Entered amount exceeds the max pending order amount (Cont) per transaction: {limit}",
    "51108": "Positions exceed the limit for closing out with the market price: {limit} contracts",
    "51109": "No available offer. There may be no counterparty depth for this order.",
    "51112": "Close order size exceeds available size for position: {available}",
    "51115": "Cancel all pending close-orders before liquidation.",
    "51121": "Order quantity must be a multiple of the lot size: {lot}.",
    "51169": "Order failed because you don't have any positions in this direction for this contract to reduce or "
    "close.",
    "51170": "Failed to place order. A reduce-only order can't be the same trading direction as your existing "
    "positions.",
    "51174": "The number of {inst_id} pending orders reached the upper limit of {limit} (orders).",
    "51202": "The market order amount exceeds the maximum amount: {limit} contracts.",
    "51203": "Order amount exceeds the limit of {limit} USD. Lower the amount and try again.",
    "51250": "Algo order price is out of the available range.",
    "51257": "Trailing stop order callback rate should be within the range of 0.1% to 100%.",
    "51258": "Trailing stop order activation price should be higher than the last price.",
    "51259": "Trailing stop order activation price should be lower than the last price.",
    "51260": "Maximum of {limit} pending trailing stop orders is reached.",
    "51261": "Maximum of {limit} pending stop orders is reached.",
    "51299": "Order failed. You can place up to {limit} trigger orders of this instrument.",
    "51277": "TP trigger price cannot be higher than the last price",
    "51278": "SL trigger price cannot be lower than the last price",
    "51279": "TP trigger price cannot be lower than the last price",
    "51280": "SL trigger price cannot be higher than the last price",
    "51300": "TP trigger price cannot be higher than the mark price",
    "51302": "SL trigger price cannot be lower than the mark price",
    "51303": "TP trigger price cannot be lower than the mark price",
    "51304": "SL trigger price cannot be higher than the mark price",
    "51305": "TP trigger price cannot be higher than the index price",
    "51306": "SL trigger price cannot be lower than the index price",
    "51307": "TP trigger price cannot be lower than the index price",
    "51308": "SL trigger price cannot be higher than the index price",
    "51328": "closeFraction is only available for reduceOnly orders.",
    "51330": "closeFraction is only available for stop market orders.",
    "51332": "closeFraction is limited to a full close: it must be 1.",
    "51333": "Close position order in hedge-mode or reduce-only order in one-way mode cannot attach TPSL.",
    "51400": "Cancellation failed as the order has been filled, canceled or does not exist.",
    "51416": "Order has been triggered and can't be canceled.",
    "51500": "You must enter a price, quantity, or TP/SL.",
    "51503": "Your order has already been filled, canceled or does not exist.",
    "51526": "You can only amend the order size to one above the filled amount.",
    "51527": "Order modification failed. At least 1 of the attached TP/SL orders does not exist.",
    "51603": "Order does not exist.",
    "54092": "Accept the risk disclaimer of this product in the app or on the web before trading it.",
    "54094": "Opening positions is blocked during your cooling-off period.",
    "59000": "Setting failed. Cancel any open orders, close positions, and stop trading bots first.",
    "59101": "Leverage can't be modified. Please cancel all pending cross-margin orders before adjusting the leverage.",
    "59102": "Leverage exceeds the maximum limit. Please lower the leverage.",
    "59107": "Leverage can't be modified. Please cancel all pending isolated orders before adjusting the leverage.",
    "59108": "Your account does not have enough margin to lower the leverage.",
    "59300": "Margin call failed. Position does not exist.",
    "59301": "Margin adjustment failed for exceeding the max limit.",
}
"""Every code this venue's core can answer with, and its text."""


class OkxError(Exception):
    """A refusal in OKX's terms: `code` is five digits, `msg` the text a client may read."""

    def __init__(self, code: str, msg: str) -> None:
        super().__init__(code, msg)
        self.code = code
        self.msg = msg

    def __str__(self) -> str:
        return f"{self.code}: {self.msg}"


def refusal(code: str, **details: object) -> OkxError:
    """The refusal with that code, its text filled with `details`."""
    return OkxError(code, MESSAGES[code].format(**details))


def worded(code: str) -> OkxError:
    """A refusal with any code, also one that this venue has no text for."""
    return OkxError(code, MESSAGES.get(code, "Operation failed."))


def parameter(name: str) -> OkxError:
    """51000: the named parameter is missing, malformed or of an unknown value."""
    return refusal("51000", name=name)
