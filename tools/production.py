"""The settings that every server needs, for programs that run the site as in production."""

PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": "a key for programs of the repository alone, which guards nothing of anybody",
    "PUBLISHER": "Quien Publica, A. C.",
    "PUBLISHER_ADDRESS": "Calle Uno 1, 06000 Ciudad de Prueba",
    "SOURCE_URL": "https://nucleo.example/codigo",
}
