"""Turns the categories and kinds of version 1.1, which were in the code, into records, and back."""

from typing import Any

CATEGORIES = {
    "convocatoria": ("convocatoria", "convocatorias"),
    "incorporacion": ("incorporación", "incorporaciones"),
    "acuerdo": ("acuerdo", "acuerdos"),
    "relevo": ("relevo", "relevos"),
    "reunion": ("reunión", "reuniones"),
    "publicacion": ("publicación", "publicaciones"),
    "pronunciamiento": ("pronunciamiento", "pronunciamientos"),
    "salida": ("salida", "salidas"),
}
KINDS = {
    "question_and_answer": ("pregunta y respuesta", "preguntas y respuestas"),
    "communique": ("comunicado", "comunicados"),
    "position": ("posicionamiento", "posicionamientos"),
}
TABLES = (
    ("Event", "category", "EventCategory", CATEGORIES),
    ("Statement", "kind", "StatementKind", KINDS),
)


def to_records(apps: Any, schema_editor: Any) -> None:
    """An empty database gets no records: its coalition brings its own."""
    for model_name, name, vocabulary, words in TABLES:
        models = [apps.get_model("timeline", f"{old}{model_name}") for old in ("", "Historical")]
        if not any(model.objects.exists() for model in models):
            continue
        for order, (word, (singular, plural)) in enumerate(words.items(), 1):
            fields = {"slug": singular.translate(PLAIN), "plural": plural, "order": order}
            if word == "question_and_answer":
                fields["is_question"] = True
            record = apps.get_model("timeline", vocabulary).objects.create(name=singular, **fields)
            for model in models:
                model.objects.filter(**{f"{name}_word": word}).update(**{name: record})


PLAIN = str.maketrans("ó ", "o-")


def to_words(apps: Any, schema_editor: Any) -> None:
    """The words of version 1.1; refuses a category or a kind that it does not have."""
    for model_name, name, vocabulary, words in TABLES:
        by_singular = {singular: word for word, (singular, _plural) in words.items()}
        for record in apps.get_model("timeline", vocabulary).objects.all():
            for old in ("", "Historical"):
                rows = apps.get_model("timeline", f"{old}{model_name}").objects
                rows = rows.filter(**{f"{name}_id": record.pk})
                if not old and rows.exists() and record.name not in by_singular:
                    raise ValueError(f"Version 1.1 has no {vocabulary} {record.name!r}")
                rows.update(**{f"{name}_word": by_singular.get(record.name, record.name[:20])})
