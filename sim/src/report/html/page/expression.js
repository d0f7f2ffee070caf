// Expressions, as scenarios write them. Numbers are exact to 64 bits; what has no value is null.

class BadExpression extends Error {}

const LEVELS = [["||"], ["&&"], ["==", "!="], ["<", "<=", ">", ">="], ["+", "-"], ["*", "/", "%"]];
const WORD = /\s*(?:(0x[0-9a-fA-F_]+|[0-9][0-9_]*)|([A-Za-z_][A-Za-z0-9_]*)|(\|\||&&|==|!=|<=|>=|[<>+*\/%!()[\].,-]))/y;
const NESTED_MAX = 100;

// The tree of an expression.
function parseExpression(text) {
  const words = [];
  const end = text.trimEnd().length;
  for (WORD.lastIndex = 0; WORD.lastIndex < end; ) {
    const at = WORD.lastIndex;
    const found = WORD.exec(text);
    if (!found) throw new BadExpression(`cannot read ${JSON.stringify(text.slice(at).trim())}`);
    words.push({ number: found[1], name: found[2], symbol: found[3] });
  }
  let next = 0;
  let nested = 0;
  const takes = (symbol) => {
    const there = next < words.length && words[next].symbol === symbol;
    if (there) next += 1;
    return there;
  };
  const say = (word) => (word === undefined ? "the end" : JSON.stringify(word.number ?? word.name ?? word.symbol));
  const needs = (symbol) => {
    if (!takes(symbol)) throw new BadExpression(`found ${say(words[next])}, expected "${symbol}"`);
  };
  const name = () => {
    const word = words[next];
    if (word?.name === undefined) throw new BadExpression(`found ${say(word)}, expected a name`);
    next += 1;
    return word.name;
  };
  const binary = (level) => {
    if (level === LEVELS.length) return operand();
    let left = binary(level + 1);
    for (;;) {
      const operator = LEVELS[level].find((it) => takes(it));
      if (operator === undefined) return left;
      left = { operator, left, right: binary(level + 1) };
    }
  };
  const operand = () => {
    nested += 1;
    if (nested > NESTED_MAX) throw new BadExpression(`it nests more than ${NESTED_MAX} deep`);
    const node = bare();
    nested -= 1;
    return node;
  };
  const bare = () => {
    if (takes("!")) return { not: operand() };
    if (takes("-")) return { negative: operand() };
    if (takes("(")) {
      const inner = binary(0);
      needs(")");
      return inner;
    }
    const word = words[next];
    if (word?.number !== undefined) {
      next += 1;
      return { number: BigInt(word.number.replaceAll("_", "")) };
    }
    const first = name();
    if (takes("(")) return call(first);
    if (first === "true" || first === "false") return { number: first === "true" ? 1n : 0n };
    const path = [first];
    for (;;) {
      if (takes(".")) path.push(name());
      else if (takes("[")) {
        path.push(binary(0));
        needs("]");
      } else return { path };
    }
  };
  const call = (word) => {
    if (["all", "any", "count"].includes(word)) {
      const group = name();
      needs(",");
      const question = binary(0);
      needs(")");
      return { each: word, group, question };
    }
    if (word !== "min" && word !== "max") throw new BadExpression(`there is no function "${word}"`);
    const left = binary(0);
    needs(",");
    const right = binary(0);
    needs(")");
    return { operator: word, left, right };
  };
  const tree = binary(0);
  if (next < words.length) throw new BadExpression(`found ${say(words[next])}, expected an operator or the end`);
  return tree;
}

const inRange = (value) => (BigInt.asIntN(64, value) === value ? value : null);
const truth = (value) => (value ? 1n : 0n);

const OPERATORS = {
  "==": (a, b) => truth(a === b),
  "!=": (a, b) => truth(a !== b),
  "<": (a, b) => truth(a < b),
  "<=": (a, b) => truth(a <= b),
  ">": (a, b) => truth(a > b),
  ">=": (a, b) => truth(a >= b),
  "+": (a, b) => inRange(a + b),
  "-": (a, b) => inRange(a - b),
  "*": (a, b) => inRange(a * b),
  "/": (a, b) => (b === 0n ? null : inRange(a / b)),
  "%": (a, b) => (b === 0n || inRange(-a) === null ? null : a % b),
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
};

// The value of an expression. `facts.term(key)` answers a question by its words, `facts.group(name)` names the members of
// a group; where `strict` is set, both sides of every operator are looked at, so that a wrong name is seen.
function evaluate(node, facts, member = null, strict = false) {
  const value = (inner, of = member) => evaluate(inner, facts, of, strict);
  if (node.number !== undefined) return inRange(node.number);
  if (node.not) {
    const inner = value(node.not);
    return inner === null ? null : truth(inner === 0n);
  }
  if (node.negative) {
    const inner = value(node.negative);
    return inner === null ? null : inRange(-inner);
  }
  if (node.each) {
    const members = facts.group(node.group);
    if (!members) throw new BadExpression(`there is no group "${node.group}"`);
    const answers = [];
    for (const it of members) answers.push(value(node.question, it));
    // As the operators between them would: what decides first decides.
    const decides = { all: 0n, any: 1n }[node.each];
    let sum = 0n;
    for (const answer of answers) {
      if (answer === null) return null;
      const is = truth(answer !== 0n);
      if (is === decides) return decides;
      sum += is;
    }
    return node.each === "count" ? sum : truth(node.each === "all");
  }
  if (node.path) {
    let key = "";
    for (const part of node.path) {
      if (typeof part === "string") key += (key && ".") + part;
      else {
        const index = value(part);
        if (index === null) return null;
        key += `[${index}]`;
      }
    }
    const own = member === null ? undefined : facts.term(`${member}.${key}`);
    const found = own === undefined ? facts.term(key) : own;
    if (found === undefined) throw new BadExpression(`nothing here is called "${key}"`);
    return found;
  }
  if (node.operator === "&&" || node.operator === "||") {
    const decides = node.operator === "||";
    const left = value(node.left);
    if (strict) value(node.right);
    if (left === null) return null;
    if ((left !== 0n) === decides) return truth(decides);
    const right = value(node.right);
    return right === null ? null : truth(right !== 0n);
  }
  const left = value(node.left);
  const right = value(node.right);
  return left === null || right === null ? null : OPERATORS[node.operator](left, right);
}
