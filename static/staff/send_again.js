/* Sends the form of an expired session as soon as its author has logged in again. */

document.getElementById("send-again")?.submit();
