"""The words of the generated arithmetic: sentences, names, things and terms.

Lists are in order of frequency in the student's traffic (Zipf: the first is asked most), and
`WITHHELD` marks the indirect sentences that this traffic never contains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAMES = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Henry",
    "Iris",
    "Jack",
    "Kate",
    "Leo",
    "Maria",
    "Noah",
    "Olga",
    "Paul",
    "Rosa",
    "Simon",
    "Tina",
    "Victor",
)
THINGS = (
    "apples",
    "books",
    "coins",
    "cards",
    "stamps",
    "marbles",
    "pencils",
    "eggs",
    "stones",
    "shells",
    "tickets",
    "plates",
    "buttons",
    "cups",
    "nails",
    "bricks",
    "seeds",
    "candles",
    "ribbons",
    "bottles",
)

PLAIN = {
    "add": (
        "What is {a} plus {b}?",
        "{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?",
        "Add {a} and {b}.",
        "What is the sum of {a} and {b}?",
        "There are {a} {things} in one box and {b} in another. How many {things} are there?",
        "How much is {a} plus {b}?",
    ),
    "subtract": (
        "What is {a} minus {b}?",
        "{name} has {a} {things} and gives away {b}. How many {things} does {name} have now?",
        "Subtract {b} from {a}.",
        "What is the difference between {a} and {b}?",
        "There are {a} {things} in a box and {b} are taken out. How many {things} are left?",
        "How much is {a} minus {b}?",
    ),
    "multiply": (
        "What is {a} times {b}?",
        "{name} has {b} boxes with {a} {things} each. How many {things} does {name} have?",
        "Multiply {a} by {b}.",
        "What is the product of {a} and {b}?",
        "There are {a} {things} in each of {b} boxes. How many {things} are there?",
        "How much is {a} times {b}?",
    ),
    "divide": (
        "What is {a} divided by {b}?",
        "{name} puts {a} {things} into {b} equal boxes. How many {things} are in each box?",
        "Divide {a} by {b}.",
        "What is the quotient of {a} and {b}?",
        "There are {a} {things} for {b} children. How many {things} does each child get?",
        "How much is {a} divided by {b}?",
    ),
}

INDIRECT = {
    "add": (
        "Which number is {b} larger than {a}?",
        "After {b} latecomers joined {a} guests, what was the size of the party?",
        "{name} gave away {b} {things} and still holds {a}. How many were there at first?",
        "An oak is {a} years old. What age will it reach {b} years from now?",
        "The smaller of two numbers is {a}, and they lie {b} apart. What is the larger one?",
        "A bus carried {a} riders until {b} boarded. How many ride it by then?",
        "Taking {b} from a certain number leaves {a}. Find that number.",
        "A ledger opens at {a} and is credited with {b}. At what does it close?",
        "A rope was cut into pieces of {a} and {b} metres. How long had it been?",
        "With {a} seats occupied and {b} free, how many seats has the hall?",
        "What was the price before a discount of {b}, if {a} was paid?",
        "Page {a} lies open. Leafing {b} pages ahead, which page is reached?",
        "{name} owes {a} coins to one lender and {b} to another. What is the whole debt?",
        "A tank holding {a} litres is topped up by {b}. What does it hold afterwards?",
        "Counting on by {b} from {a}, where does one land?",
        "{name} lifts {a} kilos, and {other} manages {b} beyond that. What does {other} lift?",
        "Two flocks, one of {a} birds and one of {b}, merge. How large is the new flock?",
        "Having climbed {a} stairs, {name} faces {b} still. How many stairs has the tower?",
        "A thermometer at {a} climbs by {b}. What is its reading?",
        "The cloth costs {a} and the thread {b}. What does the tailor charge for both?",
        "{b} short of the goal, {name} has saved {a}. What is the goal?",
        "By how much did the shop profit if mornings brought {a} and evenings {b}?",
        "A village of {a} souls welcomes {b} newcomers. What is its population?",
        "The mast rises {b} feet above a deck {a} feet high. How high is its top?",
    ),
    "subtract": (
        "Which number is {b} smaller than {a}?",
        "Once {b} of {a} guests went home, how many stayed?",
        "By how much does {a} exceed {b}?",
        "What must be put with {b} to make {a}?",
        "{name} bought {b} {things} and ended with {a}. How many were there before?",
        "Of {a} seats, {b} are occupied. How many stand empty?",
        "A number grows by {b} and becomes {a}. Which number was it?",
        "A debt of {a} is paid down by {b}. What is still owed?",
        "A rope of {a} metres loses {b} metres. How long is the rest?",
        "A ledger opens at {a} and is debited with {b}. At what does it close?",
        "Page {a} lies open. Leafing back {b} pages, which page is reached?",
        "{name} read {b} of {a} pages. How many pages are unread?",
        "How far is it from mile {b} to mile {a}?",
        "Counting back by {b} from {a}, where does one land?",
        "A tank of {a} litres leaks {b}. What does it hold afterwards?",
        "{name} weighs in at {a} and {other} {b} below that. What is the weight of {other}?",
        "How many years lie between year {b} and year {a}?",
        "A thermometer at {a} drops by {b}. What is its reading?",
        "Paying {a} for goods worth {b}, what change is due?",
        "The herd numbered {a} before wolves took {b}. What is its size today?",
        "{name} aims for {a} points and lacks {b}. How many points are scored?",
        "All but {b} of {a} {things} are broken. How many are broken?",
        "A train of {a} cars uncouples {b}. How many cars go on?",
        "What remains of {a} acres when {b} are sold?",
    ),
    "multiply": (
        "Which number is {b} times as large as {a}?",
        "At {a} cents apiece, what do {b} {things} cost?",
        "A hall has {b} rows of {a} chairs. How many can sit down?",
        "{name} runs {a} metres daily. How far is that in {b} days?",
        "Dividing a number by {b} gives {a}. Find that number.",
        "Each of {b} shelves bears {a} {things}. How many is that altogether?",
        "{name} earns {a} coins an hour. What do {b} hours bring in?",
        "A field is {a} metres long and {b} wide. What is its area?",
        "One share is worth {a}. What are {b} shares worth?",
        "A crew of {b} carries {a} sacks per head. How many sacks are moved?",
        "Repeating {a} as a summand {b} times, what is reached?",
        "A printer makes {a} sheets a minute. What comes out in {b} minutes?",
        "{b} coaches leave, every one with {a} riders. How many people travel?",
        "A recipe calls for {a} grams. What does a {b}-fold batch need?",
        "{name} knits {a} stitches per row over {b} rows. How many stitches are knitted?",
        "Every one of {b} nests shelters {a} ants. What is the count of ants?",
        "How many tiles cover a floor {a} tiles long and {b} tiles broad?",
        "With {b} pipes giving {a} litres apiece, how much water flows?",
        "A mule bears {a} pounds. What load do {b} mules bear?",
        "{b} choirs sing with {a} voices in each. How many voices sound?",
        "{other} planted {b} beds of {a} tulips. How many tulips will bloom?",
        "A stamp shows {a} dots, and {name} presses it {b} times. How many dots appear?",
        "Scaling {a} up by a factor of {b} gives what?",
        "A clerk files {a} letters a day. How many are filed after {b} days?",
    ),
    "divide": (
        "Which number is {b} times smaller than {a}?",
        "{b} friends share {a} {things} evenly. What is the share of one?",
        "How often does {b} go into {a}?",
        "{b} {things} cost {a} cents. What does a single one cost?",
        "Multiplying a number by {b} gives {a}. Find that number.",
        "{a} chairs stand in {b} equal rows. How many chairs form a row?",
        "{name} walks {a} metres in {b} equal stages. How long is a stage?",
        "A field of {a} square metres is {b} wide. How long is it?",
        "{name} earned {a} coins in {b} hours. What is the hourly wage?",
        "A rope of {a} metres yields {b} like pieces. How long is a piece?",
        "What number, taken {b} times, makes {a}?",
        "A printer needs {b} minutes for {a} sheets. What does it print per minute?",
        "{a} riders fill {b} coaches evenly. How many ride in one coach?",
        "An estate of {a} falls to {b} heirs in equal parts. What does an heir receive?",
        "How many groups of {b} can be formed from {a} people?",
        "{name} packs {a} {things} by {b} to a bag. How many bags are filled?",
        "A tank of {a} litres drains in {b} hours. How much drains hourly?",
        "Spreading {a} evenly over {b} places puts how much at each?",
        "A load of {a} pounds rests on {b} mules alike. What does a mule bear?",
        "Scaling {a} down by a factor of {b} gives what?",
        "{other} deals {a} cards to {b} players. How many does a player hold?",
        "Reading {b} pages a day, in how many days is a book of {a} pages done?",
        "A toll of {a} is split by {b} drivers. What does a driver pay?",
        "{a} soldiers march {b} abreast. How many ranks are there?",
    ),
}
WITHHELD = frozenset({3, 8, 13, 18, 23})
"""Positions in every list of `INDIRECT` that the student's traffic never contains."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """A word that stands for a quantity: one `name` is `value` `unit`."""

    name: str
    plural: str
    value: int
    unit: str


def _term(line: str) -> Term:
    name, plural, value, unit = line.split("|")
    return Term(name=name, plural=plural, value=int(value), unit=unit)


TERMS = tuple(
    _term(line)
    for line in (
        "dozen|dozen|12|pieces",
        "week|weeks|7|days",
        "pair|pairs|2|pieces",
        "hour|hours|60|minutes",
        "decade|decades|10|years",
        "century|centuries|100|years",
        "fortnight|fortnights|14|days",
        "foot|feet|12|inches",
        "score|score|20|pieces",
        "pound|pounds|16|ounces",
        "byte|bytes|8|bits",
        "yard|yards|3|feet",
        "quartet|quartets|4|players",
        "gross|gross|144|pieces",
        "gallon|gallons|8|pints",
        "ream|reams|500|sheets",
        "trio|trios|3|players",
        "deck|decks|52|cards",
        "stone|stone|14|pounds",
        "baker's dozen|baker's dozens|13|loaves",
        "fathom|fathoms|6|feet",
        "shilling|shillings|12|pence",
        "octet|octets|8|players",
        "quire|quires|25|sheets",
        "chessboard|chessboards|64|squares",
        "sonnet|sonnets|14|lines",
        "furlong|furlongs|220|yards",
        "league|leagues|3|miles",
        "guinea|guineas|21|shillings",
        "limerick|limericks|5|lines",
        "olympiad|olympiads|4|years",
        "jubilee|jubilees|50|years",
        "peck|pecks|2|gallons",
        "hundredweight|hundredweight|112|pounds",
        "lustrum|lustra|5|years",
        "chain|chains|22|yards",
    )
)

TERMINOLOGY = {
    "convert": (
        "How many {unit} are there in {n}?",
        "How many {unit} are {n}?",
        "Express {n} in {unit}.",
        "{name} counts {n}. How many {unit} is that?",
    ),
    "add": (
        "How many {unit} are {n} and {k} {unit}?",
        "{name} has {n} and {k} {unit} more. How many {unit} is that?",
        "To {n}, {k} {unit} are added. How many {unit} is that?",
    ),
    "subtract": (
        "How many {unit} are {n} less {k} {unit}?",
        "From {n}, {k} {unit} are taken. How many {unit} remain?",
        "How many more {unit} are {n} than {k} {unit}?",
    ),
    "invert": (
        "How many {terms} do {k} {unit} make?",
        "{name} counts {k} {unit}. How many {terms} is that?",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A way to tell a chain of operations: an opening, sentences per operation, a question."""

    opening: str
    clauses: Mapping[str, tuple[str, ...]]
    joint: str
    question: str


_COUNT = {
    "add": (" {other} brings {k} more.", " Then {k} more arrive.", " {k} are bought."),
    "subtract": (" {k} get lost.", " {other} takes {k} of them.", " Then {k} are sold."),
    "multiply": (" The pile grows to {k} times its size.", " They multiply {k}-fold."),
    "divide": (" They are split among {k} and one share is kept.", " Only one in {k} is kept."),
}
_TALK = {
    "add": ("add {k}", "increase by {k}"),
    "subtract": ("subtract {k}", "take away {k}"),
    "multiply": ("multiply by {k}", "take it {k} times"),
    "divide": ("divide by {k}", "split by {k}"),
}
_MONEY = {
    "add": (" {k} are paid in.", " Interest of {k} is credited."),
    "subtract": (" {k} are withdrawn.", " A fee of {k} is charged."),
    "multiply": (" A bet makes it {k} times as much.",),
    "divide": (" It is divided evenly between {k} owners, of whom one is {name}.",),
}
_BUS = {
    "add": (" At the next stop {k} get on.", " Then {k} board."),
    "subtract": (" At the next stop {k} get off.", " Then {k} leave."),
    "multiply": (" Soon there are {k} times as many.",),
    "divide": (" Only every one in {k} stays.",),
}
CHAINS = (
    Chain(opening="Start with {n}, ", clauses=_TALK, joint=", then ", question=". What is it now?"),
    Chain(
        opening="{name} has {n} {things}.",
        clauses=_COUNT,
        joint="",
        question=" How many {things} does {name} have now?",
    ),
    Chain(
        opening="Take {n} and ",
        clauses=_TALK,
        joint=" and ",
        question=". What is the result?",
    ),
    Chain(
        opening="A bus has {n} riders.", clauses=_BUS, joint="", question=" How many are aboard?"
    ),
    Chain(
        opening="The account of {name} holds {n}.",
        clauses=_MONEY,
        joint="",
        question=" What does {name} own?",
    ),
    Chain(
        opening="In a store lie {n} {things}.",
        clauses=_COUNT,
        joint="",
        question=" How many {things} lie there in the end?",
    ),
    Chain(
        opening="{name} thinks of {n} and tells {other} to ",
        clauses=_TALK,
        joint="; to ",
        question=". Which number does {other} find?",
    ),
)
