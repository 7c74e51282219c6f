//! `searchCriteria`: groups of filters on columns, sorting, paging, and what is echoed of it.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{reply::Refused, settings::StoreSettings};

/// The size of a page of a store with a limit, if none is asked for.
const DEFAULT_PAGE: usize = 20;

/// A value in a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Number(f64),
    Text(String),
    /// `YYYY-MM-DD HH:MM:SS`.
    Time(String),
}

impl Cell {
    pub(super) fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Null, |value| Self::Text(value.to_owned()))
    }

    pub(super) fn id(value: Option<u32>) -> Self {
        value.map_or(Self::Null, |value| Self::Number(f64::from(value)))
    }

    pub(super) fn amount(minor: i64) -> Self {
        Self::Number(minor as f64 / 100.0)
    }

    /// Compares with a text as a database does: numbers as numbers, a day as its midnight.
    fn against(&self, value: &str) -> Option<Ordering> {
        match self {
            Self::Null => None,
            Self::Number(number) => number.partial_cmp(&value.trim().parse::<f64>().unwrap_or(0.0)),
            Self::Text(text) => Some(text.to_lowercase().cmp(&value.to_lowercase())),
            Self::Time(time) if value.len() == 10 => {
                Some(time.as_str().cmp(&format!("{value} 00:00:00")))
            }
            Self::Time(time) => Some(time.as_str().cmp(value)),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            (Self::Number(one), Self::Number(two)) => one.total_cmp(two),
            (Self::Text(one) | Self::Time(one), Self::Text(two) | Self::Time(two)) => one.cmp(two),
            _ => Ordering::Equal,
        }
    }

    fn printed(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) | Self::Time(text) => text.clone(),
        }
    }
}

/// A row that can be searched for by its columns.
pub(super) trait Row {
    /// The value in a column; `None` if there is no such column.
    fn cell(&self, column: &str) -> Option<Cell>;
}

#[derive(Clone, Debug, Default)]
struct Filter {
    field: String,
    value: String,
    condition: Option<String>,
}

impl Filter {
    fn holds(&self, cell: &Cell) -> Result<bool, Refused> {
        let compared = cell.against(&self.value);
        let any = |values: &str| {
            values.split(',').any(|one| cell.against(one.trim()) == Some(Ordering::Equal))
        };
        Ok(match self.condition.as_deref().unwrap_or("eq") {
            "eq" => compared == Some(Ordering::Equal),
            "neq" => compared.is_some_and(Ordering::is_ne),
            "gt" => compared == Some(Ordering::Greater),
            "gteq" | "moreq" | "from" => compared.is_some_and(Ordering::is_ge),
            "lt" => compared == Some(Ordering::Less),
            "lteq" | "to" => compared.is_some_and(Ordering::is_le),
            "in" => any(&self.value),
            "nin" => *cell != Cell::Null && !any(&self.value),
            "like" => *cell != Cell::Null && like(&cell.printed(), &self.value),
            "nlike" => *cell != Cell::Null && !like(&cell.printed(), &self.value),
            "null" => *cell == Cell::Null,
            "notnull" => *cell != Cell::Null,
            _ => return Err(Refused::internal()),
        })
    }
}

/// SQL's `LIKE` with `%`, without regard to case.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
    let mut parts = pattern.split('%');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// A search as it was asked for.
#[derive(Debug, Default)]
pub(super) struct Criteria {
    groups: BTreeMap<String, BTreeMap<String, Filter>>,
    sorts: BTreeMap<String, (String, String)>,
    page_size: Option<usize>,
    current_page: Option<usize>,
    pub(super) fields: Option<String>,
}

/// The rows of a page, and how many there are in all.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) rows: Vec<T>,
    pub(super) total: usize,
}

impl Criteria {
    /// Reads a query. Names of parts may be in snake or camel case; what is not understood is
    /// ignored.
    pub(super) fn parse(query: &str) -> Result<Self, Refused> {
        let mut criteria = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let parts: Vec<String> =
                name.split('[').map(|part| snake(part.trim_end_matches(']'))).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let value = value.into_owned();
            match parts.as_slice() {
                ["fields"] => criteria.fields = Some(value),
                ["search_criteria", "page_size"] => criteria.page_size = Some(number(&value)?),
                ["search_criteria", "current_page"] => {
                    criteria.current_page = Some(number(&value)?)
                }
                ["search_criteria", "filter_groups", group, "filters", filter, part] => {
                    let group = criteria.groups.entry((*group).to_owned()).or_default();
                    let filter = group.entry((*filter).to_owned()).or_default();
                    match *part {
                        "field" => filter.field = value,
                        "value" => filter.value = value,
                        "condition_type" => filter.condition = Some(value),
                        _ => {}
                    }
                }
                ["search_criteria", "sort_orders", at, part] => {
                    let sort = criteria.sorts.entry((*at).to_owned()).or_default();
                    match *part {
                        "field" => sort.0 = value,
                        "direction" => sort.1 = value,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(criteria)
    }

    /// The page that is asked for. Groups are ANDed, filters within one are ORed; anything but
    /// `ASC` sorts downwards.
    pub(super) fn search<T: Row>(
        &mut self,
        rows: Vec<T>,
        settings: &StoreSettings,
    ) -> Result<Found<T>, Refused> {
        let mut found = Vec::new();
        for row in rows {
            if self.matches(&row)? {
                found.push(row);
            }
        }
        for (field, direction) in self.sorts.values().rev() {
            if found.first().is_some_and(|row| row.cell(field).is_none()) {
                return Err(Refused::internal());
            }
            let cell = |row: &T| row.cell(field).unwrap_or(Cell::Null);
            found.sort_by(|one, two| {
                let order = cell(one).order(&cell(two));
                if direction == "ASC" { order } else { order.reverse() }
            });
        }
        let total = found.len();
        if let Some(limit) = settings.page_limit {
            if self.page_size.is_some_and(|size| size > limit) {
                let message = format!("Maximum SearchCriteria pageSize is {limit}");
                return Err(Refused::bad_request(&message));
            }
            self.page_size = self.page_size.or(Some(DEFAULT_PAGE));
        }
        let Some(size) = self.page_size.filter(|size| *size > 0) else {
            return Ok(Found { rows: found, total });
        };
        let mut page = self.current_page.unwrap_or(1).max(1);
        if settings.last_page_again {
            page = page.min(total.div_ceil(size).max(1));
        }
        let rows = found.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        Ok(Found { rows, total })
    }

    fn matches(&self, row: &impl Row) -> Result<bool, Refused> {
        for group in self.groups.values() {
            let mut any = false;
            for filter in group.values() {
                let cell = row.cell(&filter.field).ok_or_else(Refused::internal)?;
                any |= filter.holds(&cell)?;
            }
            if !any {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The `search_criteria` of an answer.
    pub(super) fn echo(&self) -> Value {
        let filter = |filter: &Filter| {
            let condition = filter.condition.as_deref().unwrap_or("eq");
            json!({ "field": filter.field, "value": filter.value, "condition_type": condition })
        };
        let groups = self.groups.values();
        let groups =
            groups.map(|group| json!({ "filters": group.values().map(filter).collect::<Value>() }));
        let mut echo = Map::new();
        echo.insert("filter_groups".to_owned(), groups.collect());
        if !self.sorts.is_empty() {
            let sorts = self.sorts.values();
            let sorts = sorts.map(|(field, way)| json!({ "field": field, "direction": way }));
            echo.insert("sort_orders".to_owned(), sorts.collect());
        }
        let numbers = [("page_size", self.page_size), ("current_page", self.current_page)];
        for (name, number) in numbers {
            echo.extend(number.map(|number| (name.to_owned(), number.into())));
        }
        Value::Object(echo)
    }
}

fn number(text: &str) -> Result<usize, Refused> {
    text.trim().parse().map_err(|_| {
        let text = text.chars().take(20).collect::<String>();
        let message = format!(
            "The \"{text}\" value's type is invalid. The \"int\" type was expected. Verify and try again."
        );
        Refused::bad_request(&message)
    })
}

/// `filterGroups` is `filter_groups`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbered(u32, Option<&'static str>);

    impl Row for Numbered {
        fn cell(&self, column: &str) -> Option<Cell> {
            match column {
                "entity_id" => Some(Cell::id(Some(self.0))),
                "coupon" => Some(Cell::text(self.1)),
                "created_at" => Some(Cell::Time(format!("2031-04-{:02} 00:00:00", self.0))),
                _ => None,
            }
        }
    }

    fn search(query: &str) -> Result<Vec<u32>, Refused> {
        let coupon = |id| (id % 2 == 0).then_some("GLOW20");
        let rows = (1..=9).map(|id| Numbered(id, coupon(id))).collect();
        let found = Criteria::parse(query)?.search(rows, &StoreSettings::kind())?;
        Ok(found.rows.iter().map(|row| row.0).collect())
    }

    fn filtered(filters: &[(u32, &str, &str, &str)]) -> Vec<u32> {
        let mut query = String::new();
        for (index, (group, field, condition, value)) in filters.iter().enumerate() {
            let filter = format!("searchCriteria[filter_groups][{group}][filters][{index}]");
            query += &format!("{filter}[field]={field}&{filter}[condition_type]={condition}&");
            query += &format!("{filter}[value]={value}&");
        }
        search(&query).unwrap()
    }

    #[test]
    fn every_condition_means_what_a_database_makes_of_it() {
        for (field, condition, value, expected) in [
            ("entity_id", "eq", "3", &[3][..]),
            ("entity_id", "neq", "3", &[1, 2, 4, 5, 6, 7, 8, 9]),
            ("entity_id", "gt", "7", &[8, 9]),
            ("entity_id", "gteq", "8", &[8, 9]),
            ("entity_id", "lt", "2", &[1]),
            ("entity_id", "lteq", "2", &[1, 2]),
            ("entity_id", "from", "9", &[9]),
            ("entity_id", "to", "1", &[1]),
            ("entity_id", "in", "2,%205,77", &[2, 5]),
            ("entity_id", "nin", "1,2,3,4,5,6,7", &[8, 9]),
            ("coupon", "like", "glow%25", &[2, 4, 6, 8]),
            ("coupon", "like", "%25w2%25", &[2, 4, 6, 8]),
            ("coupon", "like", "low%25", &[]),
            ("coupon", "null", "", &[1, 3, 5, 7, 9]),
            ("coupon", "notnull", "", &[2, 4, 6, 8]),
            ("coupon", "neq", "other", &[2, 4, 6, 8]),
            ("created_at", "lteq", "2031-04-02", &[1, 2]),
            ("created_at", "gt", "2031-04-08 00:00:00", &[9]),
        ] {
            let found = filtered(&[(0, field, condition, value)]);
            assert_eq!(found, expected, "{field} {condition} {value}");
        }
    }

    #[test]
    fn groups_are_anded_and_the_filters_of_one_are_ored() {
        let both = [
            (0, "entity_id", "eq", "3"),
            (0, "entity_id", "eq", "4"),
            (1, "coupon", "notnull", ""),
        ];
        assert_eq!(filtered(&both), [4]);
    }

    #[test]
    fn names_may_be_camels_and_unknown_columns_break_the_server() {
        let query = "searchCriteria[filterGroups][0][filters][0][field]=entity_id\
            &searchCriteria[filterGroups][0][filters][0][conditionType]=gt\
            &searchCriteria[filterGroups][0][filters][0][value]=6\
            &searchCriteria[sortOrders][0][field]=entity_id&searchCriteria[sortOrders][0][direction]=asc\
            &searchCriteria[pageSize]=2&searchCriteria[currentPage]=2";
        assert_eq!(search(query).unwrap(), [7], "anything but ASC goes down");
        assert!(search(&query.replace("=entity_id&", "=hat&")).is_err());
        assert!(search("searchCriteria[pageSize]=many").is_err());
        assert_eq!(search("searchCriteria").unwrap().len(), 9);
    }
}
