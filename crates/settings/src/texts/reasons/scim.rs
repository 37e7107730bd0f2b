//! Refusals of SCIM requests and of their keys.

use super::Reason;

pub const REASONS: &[Reason] = &[
    (
        "uniqueness",
        (
            "The name is taken",
            "Another member has this user name, or another group this name. Match the two in Entra, or rename one.",
        ),
        (
            "Der Name ist vergeben",
            "Ein anderes Mitglied hat diesen Benutzernamen, oder eine andere Gruppe diesen Namen. Ordnen Sie beide in Entra einander zu, oder benennen Sie eines um.",
        ),
    ),
    (
        "invalidValue",
        (
            "A value is not accepted",
            "Correct the value in Entra, or the attribute mapping that makes it.",
        ),
        (
            "Ein Wert wird nicht angenommen",
            "Berichtigen Sie den Wert in Entra oder die Attributzuordnung, aus der er kommt.",
        ),
    ),
    (
        "invalidSyntax",
        (
            "The request has a wrong form",
            "Add ?aadOptscim062020 to the Tenant URL, and look at the attribute mappings.",
        ),
        (
            "Die Anfrage hat eine falsche Form",
            "Hängen Sie ?aadOptscim062020 an die Mandanten-URL (Tenant URL), und prüfen Sie die Attributzuordnungen.",
        ),
    ),
    (
        "invalidPath",
        (
            "An attribute is not known here",
            "Correct the target attribute of the mapping in Entra.",
        ),
        (
            "Ein Attribut ist hier unbekannt",
            "Berichtigen Sie das Zielattribut der Zuordnung in Entra.",
        ),
    ),
    (
        "invalidFilter",
        (
            "A search cannot be answered",
            "Correct the matching attribute of the mappings in Entra: userName or externalId are good ones.",
        ),
        (
            "Eine Suche lässt sich nicht beantworten",
            "Berichtigen Sie in Entra das Attribut, über das Personen zugeordnet werden: userName oder externalId eignen sich.",
        ),
    ),
    (
        "noTarget",
        (
            "What was to be changed is not there",
            "A mapping names one value of a list, such as emails[type eq \"work\"], that this person does not have. Entra mostly repeats it; if it stays so, restart provisioning for the person.",
        ),
        (
            "Was geändert werden sollte, ist nicht da",
            "Eine Zuordnung nennt einen Wert einer Liste, etwa emails[type eq \"work\"], den diese Person nicht hat. Meist wiederholt Entra es; bleibt es so, starten Sie die Bereitstellung für die Person neu.",
        ),
    ),
    (
        "mutability",
        (
            "An attribute cannot be changed",
            "Take the mapping of this attribute out.",
        ),
        (
            "Ein Attribut lässt sich nicht ändern",
            "Entfernen Sie die Zuordnung dieses Attributs.",
        ),
    ),
    (
        "notFound",
        (
            "It is not there",
            "Entra looks before it creates: that is no mistake. If it stays so, restart provisioning.",
        ),
        (
            "Es ist nicht da",
            "Entra sieht nach, bevor es anlegt: Das ist kein Fehler. Bleibt es so, starten Sie die Bereitstellung neu.",
        ),
    ),
    (
        "tooManyDeactivations",
        (
            "Held back, to be safe",
            "Unusually many were to lose access. See under Safety.",
        ),
        (
            "Zur Sicherheit zurückgehalten",
            "Ungewöhnlich viele sollten den Zugang verlieren. Siehe Schutz.",
        ),
    ),
    (
        "tooManyRequests",
        ("Too fast", "Entra slows down and repeats it by itself."),
        (
            "Zu schnell",
            "Entra wird langsamer und wiederholt es von selbst.",
        ),
    ),
    (
        "tooMany",
        (
            "Too much at once",
            "Narrow the filter, or ask for smaller pages.",
        ),
        (
            "Zu viel auf einmal",
            "Verengen Sie den Filter, oder fragen Sie kleinere Seiten ab.",
        ),
    ),
    (
        "invalidCursor",
        (
            "A list was continued wrongly",
            "The program has to give the cursor back as it got it, with the same filter. Entra does not use cursors.",
        ),
        (
            "Eine Liste wurde falsch fortgesetzt",
            "Das Programm muss den Cursor so zurückgeben, wie es ihn bekam, mit demselben Filter. Entra benutzt keine Cursor.",
        ),
    ),
    (
        "expiredCursor",
        (
            "A list was continued too late",
            "The program has to begin the list again. Entra does not use cursors.",
        ),
        (
            "Eine Liste wurde zu spät fortgesetzt",
            "Das Programm muss die Liste neu beginnen. Entra benutzt keine Cursor.",
        ),
    ),
    (
        "invalidCount",
        (
            "The size of a page is no number that works",
            "The program has to ask for pages of another size. Entra does not send this.",
        ),
        (
            "Die Größe einer Seite ist keine brauchbare Zahl",
            "Das Programm muss Seiten anderer Größe abfragen. Entra sendet das nicht.",
        ),
    ),
    (
        "noKey",
        (
            "The request had no key",
            "Enter the API-KEY as Secret Token in Entra.",
        ),
        (
            "Die Anfrage hatte keinen Schlüssel",
            "Tragen Sie den API-KEY in Entra als „Geheimes Token“ (Secret Token) ein.",
        ),
    ),
    (
        "foreignKey",
        (
            "What was sent is not a key of Hellotracks",
            "A key starts with htscim_. Copy it whole and enter it as Secret Token in Entra, or create another one.",
        ),
        (
            "Was gesendet wurde, ist kein Schlüssel von Hellotracks",
            "Ein Schlüssel beginnt mit htscim_. Kopieren Sie ihn ganz und tragen Sie ihn in Entra als „Geheimes Token“ (Secret Token) ein, oder erstellen Sie einen neuen.",
        ),
    ),
    (
        "mistypedKey",
        (
            "The key is incomplete",
            "Copy the key whole, or create another one.",
        ),
        (
            "Der Schlüssel ist unvollständig",
            "Kopieren Sie den Schlüssel ganz, oder erstellen Sie einen neuen.",
        ),
    ),
    (
        "unknownKey",
        (
            "The key is not one of yours",
            "Create a key and enter it in Entra. With workload identity federation it is the signing key that is unknown: set up federation again.",
        ),
        (
            "Der Schlüssel ist keiner von Ihren",
            "Erstellen Sie einen Schlüssel und tragen Sie ihn in Entra ein. Bei Workload Identity Federation ist der Signaturschlüssel unbekannt: Richten Sie Federation neu ein.",
        ),
    ),
    (
        "revokedKey",
        (
            "The key was revoked",
            "Enter the present key in Entra, or create another one.",
        ),
        (
            "Der Schlüssel wurde widerrufen",
            "Tragen Sie den jetzigen Schlüssel in Entra ein, oder erstellen Sie einen neuen.",
        ),
    ),
    (
        "expiredKey",
        ("The key has expired", "Create a key and enter it in Entra."),
        (
            "Der Schlüssel ist abgelaufen",
            "Erstellen Sie einen Schlüssel und tragen Sie ihn in Entra ein.",
        ),
    ),
    (
        "apiOff",
        ("The API is off", "Enable it on the Overview."),
        ("Die API ist aus", "Schalten Sie sie im Überblick ein."),
    ),
    (
        "tenantDisabled",
        ("The account is disabled", "Ask Hellotracks support."),
        (
            "Das Konto ist gesperrt",
            "Fragen Sie den Support von Hellotracks.",
        ),
    ),
    (
        "forbidden",
        (
            "This cannot be asked for",
            "A program has asked for a part of the service's description with a filter. Entra does not; look which other program has the key.",
        ),
        (
            "Danach kann man nicht fragen",
            "Ein Programm hat einen Teil der Beschreibung des Dienstes mit einem Filter abgefragt. Entra tut das nicht; sehen Sie nach, welches andere Programm den Schlüssel hat.",
        ),
    ),
    (
        "methodNotAllowed",
        (
            "This cannot be done with that address",
            "Look whether the Tenant URL is whole; if another program has the key, correct its request.",
        ),
        (
            "Das geht mit dieser Adresse nicht",
            "Prüfen Sie, ob die Mandanten-URL (Tenant URL) vollständig ist; hat ein anderes Programm den Schlüssel, berichtigen Sie dessen Anfrage.",
        ),
    ),
    (
        "preconditionFailed",
        (
            "It was changed meanwhile",
            "The program has to read the present state, and repeat the change.",
        ),
        (
            "Es wurde inzwischen geändert",
            "Das Programm muss den jetzigen Stand lesen und die Änderung wiederholen.",
        ),
    ),
    (
        "payloadTooLarge",
        (
            "The request is too large",
            "Take attributes that nobody needs out of the mappings, such as photos, or send less at once.",
        ),
        (
            "Die Anfrage ist zu groß",
            "Entfernen Sie Attribute, die niemand braucht, aus den Zuordnungen, etwa Fotos, oder senden Sie weniger auf einmal.",
        ),
    ),
    (
        "unsupportedMediaType",
        (
            "The request says that it is no JSON",
            "A program has to send the Content-Type application/scim+json. Entra does; look which other program has the key.",
        ),
        (
            "Die Anfrage sagt, sie sei kein JSON",
            "Ein Programm muss den Content-Type application/scim+json senden. Entra tut das; sehen Sie nach, welches andere Programm den Schlüssel hat.",
        ),
    ),
    (
        "unsupportedEncoding",
        (
            "The request is compressed in an unknown way",
            "A program has to send it uncompressed, or with gzip. Entra does; look which other program has the key.",
        ),
        (
            "Die Anfrage ist auf unbekannte Weise komprimiert",
            "Ein Programm muss sie unkomprimiert senden oder mit gzip. Entra tut das; sehen Sie nach, welches andere Programm den Schlüssel hat.",
        ),
    ),
    (
        "notImplemented",
        (
            "The service cannot do this",
            "It is a part of SCIM that Hellotracks does not have. Take it out of the program's settings, or ask Hellotracks support.",
        ),
        (
            "Der Dienst kann das nicht",
            "Es ist ein Teil von SCIM, den Hellotracks nicht hat. Entfernen Sie ihn aus den Einstellungen des Programms, oder fragen Sie den Support von Hellotracks.",
        ),
    ),
    (
        "conflict",
        ("Two changes at once", "Entra repeats it by itself."),
        (
            "Zwei Änderungen zugleich",
            "Entra wiederholt es von selbst.",
        ),
    ),
    (
        "unavailable",
        (
            "The service did not answer in time",
            "Entra repeats it by itself.",
        ),
        (
            "Der Dienst hat nicht rechtzeitig geantwortet",
            "Entra wiederholt es von selbst.",
        ),
    ),
    (
        "internal",
        (
            "The service failed",
            "Tell Hellotracks support the number of the request.",
        ),
        (
            "Der Dienst hat versagt",
            "Nennen Sie dem Support von Hellotracks die Nummer der Anfrage.",
        ),
    ),
];
