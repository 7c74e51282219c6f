//! The appointment categorization document.

use std::collections::HashMap;

use cannula_core::{Named, Problems, nearest};

use crate::Category;

const HEADER: [&str; 3] = ["type", "purpose", "category"];

/// A name as the document spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// The name.
    pub name: String,
    /// The line where it first stands.
    pub line: usize,
}

/// The appointment categorization document: which [`Category`] an appointment type and purpose
/// of the practice belong to. Names are exact; nothing is guessed.
#[derive(Clone, Debug, Default)]
pub struct Categories {
    types: HashMap<String, TypeRows>,
    /// Folded type name to its spelling, to name a near miss.
    type_spellings: HashMap<String, Spelling>,
    purpose_spellings: HashMap<String, Spelling>,
}

#[derive(Clone, Debug, Default)]
struct TypeRows {
    any: Option<Category>,
    by_purpose: HashMap<String, Category>,
}

impl Categories {
    /// Reads the document: comma-separated, UTF-8, one row a line, first line
    /// `type,purpose,category`. A blank purpose stands for any. All problems are reported at
    /// once, each with its line (`line 7`) and the right spelling.
    ///
    /// ```
    /// use cannula_core::Named;
    /// use cannula_rules::{Categories, Category};
    ///
    /// let text = "type,purpose,category\nConsult,,Non-Surgical Consult\nConsult,Rhinoplasty,Surgical Consult\n";
    /// let categories = Categories::from_csv(text).unwrap();
    /// assert_eq!(categories.lookup("Consult", &[]), Some(Category::NonSurgicalConsult));
    /// let purposes = [Named::new("Rhinoplasty")];
    /// assert_eq!(categories.lookup("Consult", &purposes), Some(Category::SurgicalConsult));
    ///
    /// let problems = Categories::from_csv("type,purpose,category\nConsult,,Surgical consult\n");
    /// assert_eq!(
    ///     problems.unwrap_err().to_string().trim(),
    ///     "line 2: “Surgical consult” is not a category; write “Surgical Consult”"
    /// );
    /// ```
    pub fn from_csv(text: &str) -> Result<Self, Problems> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader::default();
        for (index, line) in text.lines().enumerate() {
            if !line.trim().is_empty() {
                reader.line(index + 1, line);
            }
        }
        reader.finish()
    }

    /// The category of an appointment. A row for a purpose wins over the row for any purpose;
    /// of several purposes the first that has a row wins.
    pub fn lookup(&self, kind: &str, purposes: &[Named]) -> Option<Category> {
        let rows = self.types.get(kind)?;
        purposes.iter().find_map(|purpose| rows.by_purpose.get(&purpose.name).copied()).or(rows.any)
    }

    /// For an appointment without a row: its type (or, under a known type, one of its purposes)
    /// and the document's spelling, where the two differ only by case or spaces.
    pub fn near_miss<'a>(
        &self,
        kind: &'a str,
        purposes: &'a [Named],
    ) -> Option<(&'a str, &Spelling)> {
        let Some(rows) = self.types.get(kind) else {
            return self.type_spellings.get(&fold(kind)).map(|spelling| (kind, spelling));
        };
        purposes
            .iter()
            .filter_map(|p| Some((p.name.as_str(), self.purpose_spellings.get(&fold(&p.name))?)))
            .find(|(_, spelling)| rows.by_purpose.contains_key(&spelling.name))
    }
}

/// A name without what a reader overlooks: case and spaces.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[derive(Default)]
struct Reader {
    categories: Categories,
    problems: Problems,
    /// The position of type, purpose and category, once the header was read.
    columns: Option<[usize; 3]>,
    /// Line and category (unless it is wrong) of each type and purpose.
    rows: HashMap<(String, String), (usize, Option<Category>)>,
    /// Nothing after the header can be read.
    hopeless: bool,
}

impl Reader {
    fn problem(&mut self, line: usize, message: impl Into<String>) {
        self.problems.add(format!("line {line}"), message);
    }

    fn finish(mut self) -> Result<Categories, Problems> {
        if self.columns.is_none() && self.problems.is_empty() {
            self.problem(1, format!("the document is empty; begin it with `{}`", HEADER.join(",")));
        }
        if self.problems.is_empty() { Ok(self.categories) } else { Err(self.problems) }
    }

    /// One line is one row, so that a forgotten quotation mark spoils no other row.
    fn line(&mut self, line: usize, text: &str) {
        if self.hopeless {
            return;
        }
        let cells = match cells(text) {
            Ok(cells) => cells,
            Err(problem) => return self.problem(line, problem),
        };
        match self.columns {
            None => self.header(line, &cells),
            Some(columns) => self.row(line, &cells, columns),
        }
    }

    fn header(&mut self, line: usize, cells: &[String]) {
        self.columns = Some([0, 1, 2]);
        if cells == HEADER {
            return;
        }
        let wanted = HEADER.join(",");
        let at = |name: &str| cells.iter().position(|cell| fold(cell) == name);
        let found = (cells.len() == HEADER.len()).then(|| HEADER.map(at));
        if let Some([Some(kind), Some(purpose), Some(category)]) = found {
            self.columns = Some([kind, purpose, category]);
            let found = cells.join(",");
            self.problem(
                line,
                format!("the header is `{found}`; write `{wanted}`, columns in this order"),
            );
        } else if cells.len() == HEADER.len() && Category::from_name(&cells[2]).is_some() {
            self.problem(
                line,
                format!("the header is missing; begin the document with `{wanted}`"),
            );
            self.row(line, cells, [0, 1, 2]);
        } else {
            self.hopeless = cells.len() != HEADER.len();
            let hint = match cells {
                [one] if one.contains(';') => "; save the document with commas, not semicolons",
                [one] if one.contains('\t') => "; save the document with commas, not tabs",
                _ => "",
            };
            self.problem(line, format!("the header must be `{wanted}`{hint}"));
        }
    }

    fn row(&mut self, line: usize, cells: &[String], columns: [usize; 3]) {
        if cells.len() != HEADER.len() {
            let (count, hint) = match cells.len() {
                1 => ("1 column".to_owned(), ""),
                2 => ("2 columns".to_owned(), ""),
                more => (format!("{more} columns"), "; put a name with a comma in quotation marks"),
            };
            let wanted = HEADER.join(",");
            return self.problem(line, format!("has {count}, not three: `{wanted}`{hint}"));
        }
        let [kind, purpose, category] = columns.map(|column| cells[column].as_str());
        let category = self.category(line, category);
        if kind.trim().is_empty() {
            return self.problem(line, "the type is blank; write the appointment type's name");
        }
        let purpose = if purpose.trim().is_empty() { "" } else { purpose };
        let spelled = self.spelled(line, "type", kind) & self.spelled(line, "purpose", purpose);
        if spelled {
            self.place(line, kind, purpose, category);
        }
    }

    fn category(&mut self, line: usize, name: &str) -> Option<Category> {
        let category = Category::from_name(name);
        if name.trim().is_empty() {
            self.problem(line, format!("the category is blank; write {}", all_names()));
        } else if category.is_none() {
            let right = nearest(name, Category::ALL.map(Category::name))
                .map_or_else(all_names, |near| format!("“{near}”"));
            self.problem(line, format!("“{name}” is not a category; write {right}"));
        }
        category
    }

    /// Whether a name is spelled as on earlier lines; notes a problem if it is not.
    fn spelled(&mut self, line: usize, what: &str, name: &str) -> bool {
        let spellings = match what {
            "type" => &mut self.categories.type_spellings,
            _ => &mut self.categories.purpose_spellings,
        };
        let earlier =
            spellings.entry(fold(name)).or_insert_with(|| Spelling { name: name.to_owned(), line });
        if earlier.name == name {
            return true;
        }
        let message = format!(
            "the {what} “{name}” differs from “{}” on line {} only by case or spaces; write both as the EMR does",
            earlier.name, earlier.line
        );
        self.problem(line, message);
        false
    }

    fn place(&mut self, line: usize, kind: &str, purpose: &str, category: Option<Category>) {
        let row = (kind.to_owned(), purpose.to_owned());
        if let Some((earlier, said)) = self.rows.get(&row) {
            let message = match said {
                Some(said) if category.is_some_and(|category| category != *said) => {
                    format!("contradicts line {earlier}, which says “{said}”; keep the right one")
                }
                _ => format!("repeats line {earlier}; remove one of them"),
            };
            return self.problem(line, message);
        }
        self.rows.insert(row, (line, category));
        let Some(category) = category else { return };
        let rows = self.categories.types.entry(kind.to_owned()).or_default();
        if purpose.is_empty() {
            rows.any = Some(category);
        } else {
            rows.by_purpose.insert(purpose.to_owned(), category);
        }
    }
}

fn all_names() -> String {
    let names = Category::ALL.map(|category| format!("“{category}”"));
    let [first @ .., last] = &names;
    format!("one of {} or {last}", first.join(", "))
}

/// The cells of one line, or what is wrong with it. The `csv` crate reads broken quoting
/// leniently, which would hide rows, so the quoting is checked before.
fn cells(line: &str) -> Result<Vec<String>, &'static str> {
    check_quotes(line)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(line.len())
        .from_reader(line.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record.iter().map(str::to_owned).collect()),
        _ => Err("is not a row of comma-separated values"),
    }
}

fn check_quotes(line: &str) -> Result<(), &'static str> {
    #[derive(PartialEq)]
    enum At {
        Start,
        Plain,
        Quoted,
        Closed,
    }
    let mut at = At::Start;
    for c in line.chars() {
        at = match (at, c) {
            (At::Start, '"') | (At::Closed, '"') => At::Quoted,
            (At::Quoted, '"') => At::Closed,
            (At::Quoted, _) => At::Quoted,
            (_, ',') => At::Start,
            (At::Closed, _) => {
                return Err(
                    "has text after a closing quotation mark; double the quotation marks inside a name",
                );
            }
            (At::Start | At::Plain, _) => At::Plain,
        };
    }
    if at == At::Quoted { Err("has a quotation mark that is not closed") } else { Ok(()) }
}
