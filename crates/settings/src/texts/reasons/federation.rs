//! Refusals of assertions: of workload identity federation.

use super::Reason;

pub const REASONS: &[Reason] = &[
    (
        "untrustedIssuer",
        (
            "The client does not trust this issuer",
            "Set up federation for the client whose Client ID is entered in Entra, with the Issuer that Entra shows.",
        ),
        (
            "Der Client vertraut diesem Issuer nicht",
            "Richten Sie Federation für den Client ein, dessen Client-ID in Entra steht, mit dem Issuer, den Entra zeigt.",
        ),
    ),
    (
        "foreignIssuer",
        (
            "The issuer is not one of Microsoft Entra",
            "Only assertions of Entra are accepted. If yours is Entra in a national cloud, ask Hellotracks support.",
        ),
        (
            "Der Issuer ist keiner von Microsoft Entra",
            "Angenommen werden nur Assertions von Entra. Ist Ihres Entra in einer nationalen Cloud, fragen Sie den Support von Hellotracks.",
        ),
    ),
    (
        "unknownWebKey",
        (
            "The assertion names a signing key that the issuer does not have",
            "Entra signs with keys that it publishes; if this goes on, ask Hellotracks support.",
        ),
        (
            "Die Assertion nennt einen Schlüssel, den der Issuer nicht hat",
            "Entra signiert mit Schlüsseln, die es veröffentlicht. Hält es an, fragen Sie den Support von Hellotracks.",
        ),
    ),
    (
        "revokedTrust",
        (
            "The trust in the issuer was revoked",
            "Set up federation again under OAuth clients, with the four values as Entra shows them.",
        ),
        (
            "Die Vertrauensstellung wurde widerrufen",
            "Richten Sie Federation unter OAuth-Clients neu ein, mit den vier Werten, wie Entra sie zeigt.",
        ),
    ),
    (
        "wrongIssuer",
        (
            "The assertion is another issuer's",
            "Set up federation again under OAuth clients, with the four values as Entra shows them.",
        ),
        (
            "Die Assertion ist von einem anderen Issuer",
            "Richten Sie Federation unter OAuth-Clients neu ein, mit den vier Werten, wie Entra sie zeigt.",
        ),
    ),
    (
        "wrongTid",
        (
            "The assertion is another Entra tenant's",
            "Copy the Issuer from the Entra tenant that provisions, and set up federation again with it.",
        ),
        (
            "Die Assertion ist von einem anderen Entra-Mandanten",
            "Kopieren Sie den Issuer aus dem Entra-Mandanten, der bereitstellt, und richten Sie Federation damit neu ein.",
        ),
    ),
    (
        "wrongAudience",
        (
            "The assertion is for another audience",
            "Copy the Audience from Entra again, and set up federation again with it: Entra may have begun to use another form.",
        ),
        (
            "Die Assertion ist für eine andere Audience",
            "Kopieren Sie die Audience noch einmal aus Entra, und richten Sie Federation damit neu ein: Vielleicht benutzt Entra jetzt eine andere Form.",
        ),
    ),
    (
        "wrongSubject",
        (
            "The assertion is about another application",
            "Copy the Subject from Entra again, and set up federation again with it.",
        ),
        (
            "Die Assertion ist über eine andere Anwendung",
            "Kopieren Sie das Subject noch einmal aus Entra, und richten Sie Federation damit neu ein.",
        ),
    ),
    (
        "badSignature",
        (
            "The signature of the assertion is wrong",
            "It was not made by the issuer that it names. If it came from Entra, tell Hellotracks support; else somebody else has tried, and you need do nothing.",
        ),
        (
            "Die Signatur der Assertion ist falsch",
            "Sie ist nicht von dem Issuer, den sie nennt. Kam sie von Entra, sagen Sie es dem Support von Hellotracks; sonst hat es jemand anderes versucht, und Sie müssen nichts tun.",
        ),
    ),
    (
        "keysUnavailable",
        (
            "Microsoft's signing keys could not be fetched",
            "Entra repeats it by itself. If it stays so for hours, tell Hellotracks support.",
        ),
        (
            "Die Signaturschlüssel von Microsoft ließen sich nicht holen",
            "Entra wiederholt es von selbst. Bleibt es Stunden so, sagen Sie es dem Support von Hellotracks.",
        ),
    ),
    (
        "assertionExpired",
        (
            "The assertion has expired",
            "Entra makes another one by itself. If it stays so, click “Test connection” in Entra.",
        ),
        (
            "Die Assertion ist abgelaufen",
            "Entra stellt von selbst eine neue aus. Bleibt es so, klicken Sie in Entra auf „Verbindung testen“ (Test connection).",
        ),
    ),
    (
        "assertionNotYet",
        (
            "The assertion is not valid yet",
            "The clock of the program is wrong. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Assertion gilt noch nicht",
            "Die Uhr des Programms geht falsch. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionLifetime",
        (
            "The assertion is valid for too long",
            "The program has to make one that ends sooner. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Assertion gilt zu lange",
            "Das Programm muss eine ausstellen, die früher endet. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionVersion",
        (
            "The assertion is of version 1.0",
            "In the manifest of the app registration in Entra set requestedAccessTokenVersion to 2.",
        ),
        (
            "Die Assertion ist von Version 1.0",
            "Setzen Sie in Entra im Manifest der App-Registrierung requestedAccessTokenVersion auf 2.",
        ),
    ),
    (
        "assertionOfUser",
        (
            "The assertion is a person's",
            "Only an application can come in by federation. In Entra select “Workload Identity Federation” for the provisioning itself.",
        ),
        (
            "Die Assertion ist die einer Person",
            "Über Federation kommt nur eine Anwendung herein. Wählen Sie in Entra „Workload Identity Federation“ für die Bereitstellung selbst.",
        ),
    ),
    (
        "assertionTooLong",
        (
            "The assertion is too long",
            "An assertion has a few claims. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Assertion ist zu lang",
            "Eine Assertion hat wenige Angaben. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionForm",
        (
            "The assertion is no signed token",
            "The program has to send a JWT with three parts. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Assertion ist kein signiertes Token",
            "Das Programm muss ein JWT mit drei Teilen senden. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionHeader",
        (
            "The header of the assertion cannot be read",
            "It has to be a JSON object that has each name once. Entra does it right; look which other program has the client.",
        ),
        (
            "Der Header der Assertion ist nicht lesbar",
            "Er muss ein JSON-Objekt sein, das jeden Namen einmal hat. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionAlgorithm",
        (
            "The assertion is signed in another way",
            "Only RS256 is accepted. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Assertion ist anders signiert",
            "Angenommen wird nur RS256. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionTyp",
        (
            "The assertion is a token of another type",
            "Its type has to be JWT. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Assertion ist ein Token anderer Art",
            "Die Art muss JWT sein. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionCrit",
        (
            "The assertion wants something that is not known here",
            "Critical extensions (crit) are not offered. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Assertion verlangt etwas, das hier unbekannt ist",
            "Kritische Erweiterungen (crit) werden nicht angeboten. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionKid",
        (
            "The assertion does not name its signing key",
            "The program has to send its id (kid). Entra does it right; look which other program has the client.",
        ),
        (
            "Die Assertion nennt ihren Signaturschlüssel nicht",
            "Das Programm muss dessen ID (kid) senden. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionClaims",
        (
            "The claims of the assertion cannot be read",
            "They have to be a JSON object that has each name once. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Angaben der Assertion sind nicht lesbar",
            "Sie müssen ein JSON-Objekt sein, das jeden Namen einmal hat. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionClaim",
        (
            "A claim of the assertion is missing or wrong",
            "Issuer, subject, audience, tenant and times have to be there, each once. Entra does it right; look which other program has the client.",
        ),
        (
            "Eine Angabe der Assertion fehlt oder ist falsch",
            "Issuer, Subject, Audience, Mandant und Zeiten müssen da sein, je einmal. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "assertionType",
        (
            "The token request names another type of assertion",
            "Only assertions in the form of a JWT are accepted. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage nennt eine andere Art von Assertion",
            "Angenommen werden nur Assertions als JWT. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "noAssertionType",
        (
            "The token request does not name the type of its assertion",
            "The program has to send client_assertion_type. Entra does it right; look which other program has the client.",
        ),
        (
            "Die Tokenanfrage nennt die Art ihrer Assertion nicht",
            "Das Programm muss client_assertion_type senden. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
    (
        "noAssertion",
        (
            "The token request lacks its assertion",
            "The program has to send client_assertion. Entra does it right; look which other program has the client.",
        ),
        (
            "In der Tokenanfrage fehlt die Assertion",
            "Das Programm muss client_assertion senden. Entra macht es richtig; sehen Sie nach, welches andere Programm den Client hat.",
        ),
    ),
];
