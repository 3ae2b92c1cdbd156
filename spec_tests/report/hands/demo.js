// The demonstration page: it has nothing but the figures and the languages.
document.addEventListener("DOMContentLoaded", letSpeak);
