//! Refusals of access tokens and of requests for them.

use super::Reason;

pub const REASONS: &[Reason] = &[
    (
        "secretAsKey",
        (
            "A Client Secret was sent as a key",
            "In Entra select “OAuth 2.0 client credentials grant”, with Client ID and Client Secret. For “Bearer authentication” enter an API-KEY as Secret Token.",
        ),
        (
            "Ein geheimer Clientschlüssel wurde als API-KEY gesendet",
            "Wählen Sie in Entra „OAuth 2.0 client credentials grant“, mit Client-ID und geheimem Clientschlüssel (Client Secret). Für „Bearerauthentifizierung“ (Bearer authentication) tragen Sie einen API-KEY als „Geheimes Token“ (Secret Token) ein.",
        ),
    ),
    (
        "mistypedToken",
        (
            "The access token is incomplete",
            "The program has to send it as the token endpoint gave it. Entra does; look which other program has the client.",
        ),
        (
            "Das Zugriffstoken ist unvollständig",
            "Das Programm muss es so senden, wie es der Tokenendpunkt gab. Entra tut das; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "unknownToken",
        (
            "The access token is not known",
            "It has ended long ago, or is another account's. The program has to get another one; in Entra click “Test connection”.",
        ),
        (
            "Das Zugriffstoken ist unbekannt",
            "Es ist lange abgelaufen oder gehört zu einem anderen Konto. Das Programm muss ein neues holen; klicken Sie in Entra auf „Verbindung testen“ (Test connection).",
        ),
    ),
    (
        "expiredToken",
        (
            "The access token has expired",
            "Entra gets another one by itself. If it stays so, click “Test connection” in Entra.",
        ),
        (
            "Das Zugriffstoken ist abgelaufen",
            "Entra holt von selbst ein neues. Bleibt es so, klicken Sie in Entra auf „Verbindung testen“ (Test connection).",
        ),
    ),
    (
        "revokedClient",
        (
            "What the access token was issued for was revoked",
            "Enter the present Client Secret in Entra, or set up federation again; if there is none, create one under OAuth clients.",
        ),
        (
            "Das, wofür das Zugriffstoken ausgestellt wurde, ist widerrufen",
            "Tragen Sie den jetzigen geheimen Clientschlüssel (Client Secret) in Entra ein, oder richten Sie Federation neu ein; gibt es keinen, erstellen Sie einen unter OAuth-Clients.",
        ),
    ),
    (
        "wrongSecret",
        (
            "The Client ID or the Client Secret is not one of yours",
            "Copy the Client ID from OAuth clients again. The Client Secret was shown once: replace it, and enter the new one in Entra.",
        ),
        (
            "Die Client-ID oder der geheime Clientschlüssel ist keiner von Ihren",
            "Kopieren Sie die Client-ID noch einmal aus OAuth-Clients. Der geheime Clientschlüssel (Client Secret) wurde einmal gezeigt: Ersetzen Sie ihn, und tragen Sie den neuen in Entra ein.",
        ),
    ),
    (
        "unknownClient",
        (
            "The Client ID is not one of yours",
            "Copy it again from OAuth clients, and enter it in Entra as Client ID.",
        ),
        (
            "Die Client-ID ist keine von Ihren",
            "Kopieren Sie sie noch einmal aus OAuth-Clients, und tragen Sie sie in Entra als Client-ID ein.",
        ),
    ),
    (
        "revokedSecret",
        (
            "The Client Secret was revoked",
            "Enter the present one in Entra, or create another one under OAuth clients.",
        ),
        (
            "Der geheime Clientschlüssel wurde widerrufen",
            "Tragen Sie den jetzigen (Client Secret) in Entra ein, oder erstellen Sie unter OAuth-Clients einen neuen.",
        ),
    ),
    (
        "expiredSecret",
        (
            "The Client Secret has expired",
            "Create another one under OAuth clients, and enter it in Entra.",
        ),
        (
            "Der geheime Clientschlüssel ist abgelaufen",
            "Erstellen Sie unter OAuth-Clients einen neuen, und tragen Sie ihn in Entra als Client Secret ein.",
        ),
    ),
    (
        "apiKeyAsSecret",
        (
            "A key was sent as Client Secret",
            "Keys and client secrets differ: a Client Secret starts with htscs_. Create a client, and enter its secret, or select “Bearer authentication” in Entra.",
        ),
        (
            "Ein API-KEY wurde als geheimer Clientschlüssel gesendet",
            "Das ist nicht dasselbe: Ein geheimer Clientschlüssel (Client Secret) beginnt mit htscs_. Erstellen Sie einen Client und tragen Sie dessen Schlüssel ein, oder wählen Sie in Entra „Bearerauthentifizierung“ (Bearer authentication).",
        ),
    ),
    (
        "secretForeign",
        (
            "What was sent is no Client Secret of Hellotracks",
            "A Client Secret starts with htscs_. Copy it whole, or replace it and enter the new one in Entra.",
        ),
        (
            "Was gesendet wurde, ist kein geheimer Clientschlüssel von Hellotracks",
            "Ein geheimer Clientschlüssel (Client Secret) beginnt mit htscs_. Kopieren Sie ihn ganz, oder ersetzen Sie ihn und tragen Sie den neuen in Entra ein.",
        ),
    ),
    (
        "secretMistyped",
        (
            "The Client Secret is incomplete",
            "Copy it whole, or replace it and enter the new one in Entra.",
        ),
        (
            "Der geheime Clientschlüssel ist unvollständig",
            "Kopieren Sie ihn (Client Secret) ganz, oder ersetzen Sie ihn und tragen Sie den neuen in Entra ein.",
        ),
    ),
    (
        "noCredentials",
        (
            "The token request had no credentials",
            "Enter the Client ID and the Client Secret in Entra again, and save. If it stays so, use an API-KEY with “Bearer authentication”.",
        ),
        (
            "Die Tokenanfrage hatte keine Zugangsdaten",
            "Tragen Sie Client-ID und geheimen Clientschlüssel (Client Secret) in Entra noch einmal ein, und speichern Sie. Bleibt es so, benutzen Sie einen API-KEY mit „Bearerauthentifizierung“ (Bearer authentication).",
        ),
    ),
    (
        "clientId",
        (
            "The Client ID has a wrong form",
            "Copy it again from OAuth clients: the id of your account, a point and 12 digits or letters.",
        ),
        (
            "Die Client-ID hat eine falsche Form",
            "Kopieren Sie sie noch einmal aus OAuth-Clients: die ID Ihres Kontos, ein Punkt und 12 Ziffern oder Buchstaben.",
        ),
    ),
    (
        "noClientId",
        (
            "The token request had no Client ID",
            "Enter the Client ID in Entra: it is under OAuth clients.",
        ),
        (
            "Die Tokenanfrage hatte keine Client-ID",
            "Tragen Sie die Client-ID in Entra ein: Sie steht unter OAuth-Clients.",
        ),
    ),
    (
        "clientIdsDiffer",
        (
            "The token request names two clients",
            "The program has to send one Client ID. Entra does; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage nennt zwei Clients",
            "Das Programm muss eine Client-ID senden. Entra tut das; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "twoMechanisms",
        (
            "The token request has credentials twice",
            "The program has to send them in the header or in the body. Entra does; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage hat doppelte Zugangsdaten",
            "Das Programm muss sie entweder im Header oder im Body senden. Entra tut das; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "authorizationScheme",
        (
            "The token request came with a key or a token",
            "Client ID and Client Secret belong there, as HTTP Basic or in the body. In Entra select “OAuth 2.0 client credentials grant”.",
        ),
        (
            "Die Tokenanfrage kam mit einem Schlüssel oder Token",
            "Dort gehören Client-ID und geheimer Clientschlüssel (Client Secret) hin, als HTTP Basic oder im Body. Wählen Sie in Entra „OAuth 2.0 client credentials grant“.",
        ),
    ),
    (
        "authorizationTwice",
        (
            "The token request has two Authorization headers",
            "The program has to send one. Entra does; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage hat zwei Authorization-Header",
            "Das Programm muss einen senden. Entra tut das; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "basicMalformed",
        (
            "Client ID and Client Secret are encoded wrongly",
            "Enter both in Entra again, without spaces around them. Another program has to send them as HTTP Basic.",
        ),
        (
            "Client-ID und geheimer Clientschlüssel sind falsch codiert",
            "Tragen Sie beide in Entra noch einmal ein, ohne Leerzeichen davor und dahinter. Ein anderes Programm muss sie als HTTP Basic senden.",
        ),
    ),
    (
        "noGrantType",
        (
            "The token request does not say what it asks for",
            "The program has to send grant_type=client_credentials. Entra does; look whether the Token Endpoint is entered in the right field.",
        ),
        (
            "Die Tokenanfrage sagt nicht, was sie will",
            "Das Programm muss grant_type=client_credentials senden. Entra tut das; prüfen Sie, ob der Tokenendpunkt (Token Endpoint) im richtigen Feld steht.",
        ),
    ),
    (
        "grantType",
        (
            "The token request is of another kind",
            "Only client credentials are offered. In Entra select “OAuth 2.0 client credentials grant” or “Workload Identity Federation”.",
        ),
        (
            "Die Tokenanfrage ist von anderer Art",
            "Angeboten werden nur Client-Zugangsdaten. Wählen Sie in Entra „OAuth 2.0 client credentials grant“ oder „Workload Identity Federation“.",
        ),
    ),
    (
        "tokenExchange",
        (
            "Token exchange is not offered",
            "In Entra select “Workload Identity Federation” with a Client ID, or “OAuth 2.0 client credentials grant”.",
        ),
        (
            "Tokenaustausch wird nicht angeboten",
            "Wählen Sie in Entra „Workload Identity Federation“ mit einer Client-ID oder „OAuth 2.0 client credentials grant“.",
        ),
    ),
    (
        "contentType",
        (
            "The token request is no form",
            "A program has to send application/x-www-form-urlencoded. Entra does; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage ist kein Formular",
            "Ein Programm muss application/x-www-form-urlencoded senden. Entra tut das; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "formTooLong",
        (
            "The token request is too long",
            "It has more in it than a token request needs. Entra does not send this; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage ist zu lang",
            "Sie enthält mehr, als eine Tokenanfrage braucht. Entra sendet das nicht; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "formNotText",
        (
            "The token request is no text",
            "A program encodes the form wrongly. Entra does not; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage ist kein Text",
            "Ein Programm codiert das Formular falsch. Entra tut das nicht; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "fieldTwice",
        (
            "The token request repeats a field",
            "A program has to send each field once. Entra does; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage wiederholt ein Feld",
            "Ein Programm muss jedes Feld einmal senden. Entra tut das; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
];
