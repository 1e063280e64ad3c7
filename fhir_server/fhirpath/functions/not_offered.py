"""Functions that FHIRPath or R4 has and that are not here: to use one is another error than to misspell one."""

# fmt: off
NOT_OFFERED = frozenset({
    "abs", "aggregate", "all", "allFalse", "allTrue", "anyFalse", "anyTrue", "ceiling", "checkModifiers", "children",
    "combine", "comparable", "conformsTo", "contains", "convertsToBoolean", "convertsToDate", "convertsToDateTime",
    "convertsToDecimal", "convertsToInteger", "convertsToLong", "convertsToQuantity", "convertsToString",
    "convertsToTime", "count", "decode", "defineVariable", "descendants", "distinct", "elementDefinition", "encode",
    "endsWith", "escape", "exclude", "exp", "floor", "getReferenceKey", "getResourceKey", "getValue",
    "hasTemplateIdOf", "hasValue", "highBoundary", "htmlChecks", "iif", "indexOf", "intersect", "isDistinct", "join",
    "lastIndexOf", "length", "ln", "log", "lowBoundary", "lower", "matches", "matchesFull", "memberOf", "now",
    "power", "precision", "repeat", "replace", "replaceMatches", "round", "select", "single", "skip", "slice",
    "split", "sqrt", "startsWith", "subsetOf", "substring", "subsumedBy", "subsumes", "sum", "supersetOf", "tail",
    "take", "timeOfDay", "toBoolean", "toChars", "toDate", "toDateTime", "toDecimal", "toInteger", "toLong",
    "toQuantity", "toString", "toTime", "today", "trace", "trim", "truncate", "type", "unescape", "union", "upper",
})
# fmt: on
