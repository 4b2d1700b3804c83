"""Spanish text for an invented record: neutral words and invented places."""

from collections.abc import Sequence
from itertools import accumulate, product
from random import Random
from typing import Any

KINDS = (
    "Alianza Archivo Asociación Centro Colectivo Comité Consejo Escuela Foro Fundación Grupo "
    "Instituto Laboratorio Observatorio Red Taller"
).split()
THEMES = (
    "Agua y Territorio|Alimentos|Archivos|Bosques|Caminos|Ciencia Abierta|Compras Públicas|Cultura|"
    "Datos Públicos|Educación|Energía|Justicia|Mares|Memoria|Participación Vecinal|Periodismo|"
    "Presupuesto Abierto|Salud|Transporte|Vivienda"
).split("|")
PLACES = (
    "Aguazul|Arroyo Nuevo|Bahía Serena|Campo Sereno|Cañada Verde|Cerro Gris|Llano Claro|"
    "Loma Tendida|Mesa Alta|Montecedro|Palmar Chico|Peñalta|Piedraviva|Puerto Niebla|Río Manso|"
    "Sierra Quieta|Tres Lagunas|Valdeluna|Vega Larga|Villahonda"
).split("|")
MOST_ORGANIZATIONS = len(KINDS) * len(THEMES) * len(PLACES)

WORDS: dict[str, Sequence[str]] = {
    "lugar": PLACES,
    "tema": (
        "el agua potable|el alumbrado|el gasto en caminos|el presupuesto municipal|el transporte|"
        "la basura|la calidad del aire|la compra de medicinas|la obra pública|la vivienda|"
        "las bibliotecas|las compras sin concurso|las escuelas rurales|los archivos históricos|"
        "los bosques|los datos abiertos|los mercados|los padrones|los permisos|los puertos"
    ).split("|"),
    "quien": (
        "el cabildo|el comité técnico|el grupo de trabajo|la asamblea|la comisión|la contraloría|"
        "la mesa directiva|la oficina de archivos|la secretaría técnica|las organizaciones|"
        "las vecinas|los pescadores|los talleres|quienes asistieron|un grupo de maestras"
    ).split("|"),
    "hizo": (
        "acordó|anunció|aplazó|aprobó|comparó|consultó|corrigió|dio a conocer|discutió|entregó|"
        "examinó|explicó|ordenó|pidió|presentó|propuso|publicó|rechazó|recibió|resumió|revisó|"
        "solicitó|tradujo|verificó"
    ).split("|"),
    "cosa": (
        "el acta|el calendario|el catálogo|el convenio|el diagnóstico|el dictamen|el informe|"
        "el inventario|el mapa|el padrón|el plan de acción|el reglamento|la bitácora|la encuesta|"
        "la guía|la lista de compromisos|la minuta|la propuesta|las cuentas|las observaciones|"
        "los contratos|los indicadores|los planos|los recibos|los resultados"
    ).split("|"),
    "cuando": (
        "al cerrar la sesión|antes de la consulta|ante la asamblea|con dos votos en contra|"
        "con una nota aclaratoria|después de tres reuniones|en la segunda ronda|en sesión abierta|"
        "fuera del orden del día|por escrito|por mayoría|por primera vez|por unanimidad|"
        "sin cambios|tras una visita de campo"
    ).split("|"),
    "tarea": (
        "abrir los datos|capacitar a las oficinas|comparar los precios|contar las obras|"
        "dar seguimiento a los compromisos|ordenar los archivos|publicar los contratos|"
        "recorrer los mercados|reunir las observaciones|revisar las cuentas|traducir la guía"
    ).split("|"),
}
PATTERNS = (
    "En {lugar}, {quien} {hizo} {cosa} sobre {tema} {cuando}.",
    "Se reunieron {numero} personas en {lugar} para {tarea}.",
    "El oficio {numero} de {lugar} trata de {tema} y de {tema}.",
    "{organizacion} {hizo} {cosa} {cuando}.",
    "{organizacion} y {organizacion} se propusieron {tarea} en {lugar}.",
    "De {numero} solicitudes sobre {tema}, {numero} quedaron sin respuesta.",
    "Para {tarea}, {quien} {hizo} {cosa} en {lugar}.",
    "Nadie {hizo} {cosa} sobre {tema}, según consta en el folio {numero}.",
    "La relación de {tema} con {tema} se {hizo} {cuando}, en {numero} fojas.",
)
TITLES: dict[str, tuple[str, ...]] = {
    "convocatoria": ("Convocatoria para {tarea} en {lugar}", "{organizacion} convoca en {lugar}"),
    "incorporacion": ("{organizacion} se incorpora", "Se suma {organizacion}"),
    "acuerdo": ("Acuerdo sobre {tema} en {lugar}", "Acuerdo para {tarea}"),
    "relevo": ("Relevo en {organizacion}", "Cambia la mesa directiva en {lugar}"),
    "reunion": ("Reunión en {lugar} sobre {tema}", "Mesa de {lugar} para {tarea}"),
    "publicacion": ("Se publica el informe {numero} sobre {tema}", "Guía de {lugar} para {tarea}"),
    "pronunciamiento": ("Pronunciamiento sobre {tema}", "Carta de {lugar} sobre {tema}"),
    "salida": ("{organizacion} deja la mesa de {lugar}", "Salida de {organizacion}"),
}
SAID = {
    "pregunta-y-respuesta": "¿Qué pasó en {lugar} con {tema}?",
    "comunicado": "Comunicado {numero} sobre {tema}",
    "posicionamiento": "Posicionamiento sobre {tema} en {lugar}",
}


class Zipf:
    """A Zipf-distributed choice: the n-th item has 1/n of the weight of the first."""

    def __init__(self, chance: Random, items: Sequence[Any]) -> None:
        self.chance, self.items = chance, items
        self.weights = [*accumulate(1 / rank for rank in range(1, len(items) + 1))]

    def some(self, count: int) -> list[Any]:
        return self.chance.choices(self.items, cum_weights=self.weights, k=count)


class Prose:
    """Random text from `chance`."""

    def __init__(self, chance: Random, organizations: Sequence[str]) -> None:
        self.chance, self.organizations = chance, Zipf(chance, organizations)

    def __getitem__(self, name: str) -> str:
        """Return a word for `{name}` in a pattern."""
        if name == "organizacion":
            return self.organizations.some(1)[0]
        if name == "numero":
            return str(int(3000 ** self.chance.random()) + 1)
        words = WORDS[name]
        return words[int(self.chance.random() * len(words))]

    def fill(self, pattern: str) -> str:
        text = pattern.format_map(self)
        return text[:1].upper() + text[1:]

    def sentence(self) -> str:
        return self.fill(self.chance.choice(PATTERNS))

    def sentences(self, least: int, most: int) -> str:
        return " ".join(self.sentence() for _ in range(self.chance.randint(least, most)))


def names(chance: Random, count: int) -> list[tuple[str, str]]:
    """Return `count` different names of organizations, each with its initials if unique."""
    every = [
        f"{kind} de {theme} de {place}" for kind, theme, place in product(KINDS, THEMES, PLACES)
    ]
    taken, named = set(), []
    for name in chance.sample(every, count):
        short = "".join(letter for letter in name if letter.isupper())
        named.append((name, "" if short in taken else short))
        taken.add(short)
    return named
