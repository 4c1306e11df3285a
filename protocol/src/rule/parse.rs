//! From text to a [`Rule`], with an error that says where and what to write instead.
//!
//! ```text
//! rule     = function "(" name ")" operator number
//! function = "mean" | "count"
//! name     = letter { letter | digit | "_" | "-" }      at most 32 characters
//! operator = ">" | ">=" | "<" | "<="
//! number   = digits [ "." digits ]                      at most 6 digits after the point
//! ```
//!
//! Blanks may stand between any two of these.

use crate::limits;

use super::decimal::Decimal;
use super::error::{RuleError, printable};
use super::{EXAMPLES, Function, MAX_INPUT, Operator, Rule};

const MAX_NAME: usize = 32;

/// Reads a rule.
pub(super) fn parse(text: &str) -> Result<Rule, RuleError> {
    if text.len() > limits::MAX_RULE {
        let message = format!("the rule is over {} bytes long", limits::MAX_RULE);
        return Err(RuleError::new("", (0, 0), message, format!("write for example {EXAMPLES}")));
    }
    let mut parser = Parser { text, rest: text, at: 0 };
    parser.blanks();
    if parser.rest.is_empty() {
        let hint = format!("write for example {EXAMPLES}");
        return Err(RuleError::new(text, (0, 0), "the rule is empty", hint));
    }
    let function = parser.function()?;
    parser.bracket(
        '(',
        &format!("after {function}"),
        &format!("{function}({})", function.sample()),
    )?;
    let name = parser.name(function)?;
    parser.bracket(')', &format!("after {name}"), &format!("{function}({name})"))?;
    let operator = parser.operator(&format!("{function}({name})"))?;
    let constant = parser.number(function)?;
    parser.end()?;
    Ok(Rule { function, name, operator, constant })
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    // Characters of `text` before `rest`.
    at: usize,
}

impl<'a> Parser<'a> {
    fn function(&mut self) -> Result<Function, RuleError> {
        let at = self.at;
        let word = self.take(is_word);
        match word {
            "mean" => return Ok(Function::Mean),
            "count" => return Ok(Function::Count),
            _ => {}
        }
        let (message, width) = if word.is_empty() {
            ("expected a function".to_owned(), 1)
        } else {
            (format!("unknown function `{word}`"), word.chars().count())
        };
        let hint = match word.to_ascii_lowercase().as_str() {
            "mean" | "count" => format!("write `{}` in lower case", word.to_ascii_lowercase()),
            "avg" | "average" | "mittel" | "median" | "sum" => {
                "use mean, the average of whole numbers from 0 to 100".to_owned()
            }
            "yes" | "votes" | "number" | "majority" | "cnt" | "counts" => {
                "use count, the number of members that say yes".to_owned()
            }
            _ => format!("the functions are mean and count: {EXAMPLES}"),
        };
        Err(RuleError::new(self.text, (at, width), message, hint))
    }

    fn bracket(&mut self, bracket: char, place: &str, example: &str) -> Result<(), RuleError> {
        self.blanks();
        if let Some(rest) = self.rest.strip_prefix(bracket) {
            self.rest = rest;
            self.at += 1;
            self.blanks();
            return Ok(());
        }
        let message = format!("missing `{bracket}` {place}{}", self.instead());
        Err(self.error(message, format!("write {example}")))
    }

    fn name(&mut self, function: Function) -> Result<String, RuleError> {
        let at = self.at;
        let name = self.take(is_word);
        let fault = if name.is_empty() {
            format!("{function} needs the name of its input{}", self.instead())
        } else if name.len() > MAX_NAME {
            format!("the name is over {MAX_NAME} characters long")
        } else if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(name.to_owned());
        } else {
            "a name starts with a letter".to_owned()
        };
        let hint =
            format!("letters a-z, digits, - and _ : for example {function}({})", function.sample());
        Err(RuleError::new(self.text, (at, name.len()), fault, hint))
    }

    fn operator(&mut self, left: &str) -> Result<Operator, RuleError> {
        let at = self.at;
        let token = self.take(|c| "<>=!≤≥≠~&|".contains(c));
        let operators = format!("the operators are > >= < <= : for example {left} >= 3");
        let hint = match token {
            ">" => return Ok(Operator::Greater),
            ">=" => return Ok(Operator::GreaterOrEqual),
            "<" => return Ok(Operator::Less),
            "<=" => return Ok(Operator::LessOrEqual),
            "" => {
                let message = format!("expected an operator after {left}{}", self.instead());
                return Err(self.error(message, operators));
            }
            "=>" | "≥" => "write >= for at least".to_owned(),
            "=<" | "≤" => "write <= for at most".to_owned(),
            "=" | "==" => {
                "a rule compares with > >= < or <= ; a single value cannot be asked for".to_owned()
            }
            _ => operators,
        };
        let message = format!("unknown operator `{token}`");
        Err(RuleError::new(self.text, (at, token.chars().count()), message, hint))
    }

    fn number(&mut self, function: Function) -> Result<Decimal, RuleError> {
        self.blanks();
        let at = self.at;
        let word = self.take(|c| c.is_alphanumeric() || "+-.,%_'".contains(c));
        let (most, of) = match function {
            Function::Mean => (MAX_INPUT, "inputs are whole numbers from 0 to 100"),
            Function::Count => (limits::MAX_PARTIES as u64, "no network has more members"),
        };
        let refuse = |message: String, hint: &str| {
            Err(RuleError::new(self.text, (at, word.chars().count()), message, hint))
        };
        if word.is_empty() {
            let message = format!("expected a number{}", self.instead());
            return refuse(message, &format!("write for example {EXAMPLES}"));
        }
        let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || (word.contains('.') && !digits(fraction)) {
            return refuse(format!("`{}` is not a number", word), number_hint(word));
        }
        if function == Function::Count && word.contains('.') {
            let hint =
                "members are counted in whole numbers: write for example count(approve) >= 3";
            return refuse(format!("`{word}` is not a whole number"), hint);
        }
        if fraction.trim_end_matches('0').len() > Decimal::PLACES {
            let hint = format!("at most {} digits may follow the point", Decimal::PLACES);
            return refuse("too many digits after the point".to_owned(), &hint);
        }
        match Decimal::from_digits(whole, fraction) {
            Some(value) if value.ceil_times(1) <= most => Ok(value),
            _ => refuse(format!("`{word}` is out of range: at most {most} makes sense"), of),
        }
    }

    fn end(&mut self) -> Result<(), RuleError> {
        self.blanks();
        if self.rest.is_empty() {
            return Ok(());
        }
        let hint = match self.rest.split_whitespace().next().unwrap_or("") {
            "and" | "or" | "&&" | "||" => "a rule is one comparison: make two proposals",
            "%" => "write the number without a sign",
            _ => "a rule ends with its number: remove the rest",
        };
        let width = self.rest.trim_end().chars().count();
        let message = "there is text after the end of the rule";
        Err(RuleError::new(self.text, (self.at, width), message, hint))
    }

    fn blanks(&mut self) {
        self.take(|c| c == ' ');
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest.trim_start_matches(belongs);
        let taken = self.rest.strip_suffix(rest).unwrap_or_default();
        self.rest = rest;
        self.at += taken.chars().count();
        taken
    }

    fn error(&self, message: impl Into<String>, hint: impl Into<String>) -> RuleError {
        RuleError::new(self.text, (self.at, 1), message, hint)
    }

    // What stands where something else was expected.
    fn instead(&self) -> String {
        match self.rest.chars().next() {
            Some(c) => format!(", found `{}`", printable(c)),
            None => ", found the end".to_owned(),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn number_hint(word: &str) -> &'static str {
    if word.contains(',') {
        "write a point, not a comma: 75.5"
    } else if word.contains('%') {
        "write the number without a sign: 75"
    } else if word.starts_with('-') {
        "no input is below 0, so neither is a number to compare with"
    } else if word.starts_with('.') || word.ends_with('.') {
        "write digits on both sides of the point: 0.5"
    } else {
        "write digits, with a point if you need one: 75 or 75.5"
    }
}
