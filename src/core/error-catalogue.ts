/**
 * Every error code of the program with what it means and what helps, for the page docs/error-codes.md. An error's own message
 * names the place and the figures. Which list a code stands in says how a command ends with it.
 */

/** A fault of the world around us: exit code 1. */
export const FAILED = {
  E_ARMED_RECORD:
    'The guard cannot record that the box is armed or halted: see that the disk is not full or read-only.',
  E_BACKGROUND:
    'A background process ended without an answer: see the log; it is tried again when it is due.',
  E_BACKGROUND_MEMORY: 'A background process took more memory than it may: give it more, or fewer rows.',
  E_BAR_CONFLICT:
    'A stored bar came again with other figures: the stored one is kept; compare with the exchange.',
  E_BOOT_CONFIG:
    'config.txt on the boot partition does not say which system starts: repair it, or use a new card.',
  E_BREAKER: 'There is no tripped circuit breaker to release: see redbutton status.',
  E_BROKER_REQUEST:
    'The exchange did not carry out a request on orders: it is tried again; check keys and line if it lasts.',
  E_BROKER_SETUP: 'The MQTT broker on the box could not be set up: see the journal.',
  E_BUSY: 'Work of that kind is under way already: try again when it is done.',
  E_DEMO_BROKER:
    "The demo's embedded broker is not installed: run npm ci in a checkout, or name a broker with --mqtt.",
  E_DEMO_HISTORY:
    "The demo's own history is not installed: run npm ci in a checkout, or give a file with --candles.",
  E_DEMO_STUCK: 'The demo decided no bar in time: run it again and look at its log.',
  E_DUCKDB_BINDING:
    "DuckDB's binding for this machine cannot be loaded: run npm ci with optional dependencies, on 64 bits.",
  E_EXCHANGE_ASTRAY: 'A request was about to go to another address than the configured one: report this.',
  E_EXCHANGE_DOWN:
    'The exchange does not answer: it is asked again; check the line and its status page if it lasts.',
  E_EXCHANGE_GARBLED:
    'An answer of the exchange cannot be read: it is asked again; look for a proxy or a maintenance page.',
  E_EXCHANGE_REQUEST: 'The exchange did not answer a request: it is asked again; check the line if it lasts.',
  E_EXCHANGE_SLOW: 'The exchange gave no quote in time: it is asked again; check the line if it lasts.',
  E_EXPORT: 'The export could not be written: see the message.',
  E_FEED_LOST: 'A stream of candles broke: it is rebuilt; check the line if it lasts.',
  E_GPIO_ADDON: 'The package onoff cannot be loaded: run npm ci on this machine with a C++ compiler.',
  E_GPIO_BUSY: 'Another program or driver holds the GPIO line: stop it.',
  E_GPIO_CHIP:
    'No GPIO chip, or more than one, bears the configured label: name the right one in gpio.chipLabels.',
  E_GPIO_DENIED: 'The GPIO line may not be used: run the guard as a member of the gpio group.',
  E_GPIO_LINE: 'The GPIO line cannot be opened: check its number in [gpio].',
  E_GPIO_READ: 'The GPIO line gives no level: look at the wiring.',
  E_GPIO_SETUP: 'The GPIO line did not take its settings: see whether another driver owns it.',
  E_GPIO_SYSFS:
    'The kernel shows no GPIO: use one that does, or gpio.backend = "simulated" on a machine without GPIO.',
  E_GUARD_ANSWER:
    'The guard gave an unexpected answer: see its log; guard and command may be of different versions.',
  E_GUARD_STARTING: 'The guard is still starting: try again in a moment.',
  E_GUARD_STOP: 'The guard was stopped while it was starting: start it again.',
  E_JOURNAL:
    'The journal could not be written: check free space and health of the card; what was reported stored is kept.',
  E_LED: 'The LED cannot be driven: look at [gpio] and the wiring.',
  E_LOCK: 'A lock file cannot be opened: see that the run directory exists and may be written.',
  E_LOCKED: 'Another process of this kind runs: stop it first, or use it.',
  E_METRICS_ANSWER:
    'The trader answered without figures: see its log; trader and command may be of different versions.',
  E_METRICS_PORT: 'metrics.port cannot be listened on: choose another port, or leave it out.',
  E_MODEL_OUTPUT: 'The model answered another number of values than it was asked for: add it again.',
  E_MQTT_TEST: 'A test alert could not be delivered over MQTT: repair what it names and try again.',
  E_NATIVE_MISSING: 'The native addon is absent or of another version: run npm ci.',
  E_NOT_HALTED: 'The box is not halted, and the peak is rebased on a halted one alone: redbutton halt first.',
  E_NTFY: 'The ntfy server did not take an alert: check ntfy.url and the credentials.',
  E_ORDER_CONNECTION: 'The package by which orders are sent cannot be loaded: run npm ci.',
  E_ORDER_PROXY: 'Orders cannot be sent through a proxy of that kind: use an http:// or https:// proxy.',
  E_OS_FELL_BACK:
    'The new system did not prove itself, and the old one runs: it is tried again at the next update.',
  E_OS_SLOTS: 'The box has no second system to update into: flash the image on a card of 8 GB or more.',
  E_OS_UPDATE:
    'A step of the system update failed and nothing changed: see journalctl -u redbutton-os-update.',
  E_OUTCOME_CONFLICT:
    'An outcome is stored the other way round: the stored one is kept; report this with the log.',
  E_PERMIT_FILE:
    'The permit file cannot be opened: see that the run directory exists and belongs to the guard.',
  E_PERMIT_REVOKE:
    'The permit could not be revoked: it lapses by itself within seconds; then look at the run directory.',
  E_RESTORE_COPY:
    'The backup cannot be copied to the folder of the database: check that it can be read and the disk has room.',
  E_RESTORE_HALT: 'The guard did not halt the box, so nothing was restored: start the guard and try again.',
  E_RESTORE_RUNNING: 'The trader runs and holds the database: stop it first, or restore with sudo.',
  E_RUN_DIR: 'The run directory cannot be made: see that the guard may write there.',
  E_RUN_SETTINGS: 'The settings stored with a run cannot be read: verify with the version that wrote them.',
  E_SIM_CLOCK: 'The simulator does not answer with its time: start it first.',
  E_SIM_LISTEN: 'The simulator cannot listen: check --port.',
  E_SOCKET: 'A control socket failed: try again, and see the log of the service.',
  E_SOCKET_DENIED: 'The control socket may not be used: run as root or as a member of its group.',
  E_SOCKET_NOBODY: 'No one answers at the control socket: start the service, or name its --run-dir.',
  E_SOCKET_TAKEN: 'Another process answers at the control socket: stop it first, or use it.',
  E_SOCKET_TIMEOUT: 'The service did not answer in time: see its log; it may hang.',
  E_SPOOL: "The guard's file of waiting alerts cannot be used: check free space and owner of its directory.",
  E_STOPPED: 'The command was stopped before its output was whole: run it again.',
  E_STORE: 'The database failed: see the log; what was committed is kept.',
  E_STORE_CLOSED:
    'Something was to be stored after shutdown had begun: nothing is lost that was reported stored.',
  E_STORE_FOREIGN_LOG:
    'The write-ahead log belongs to another database: start the service, which moves it aside.',
  E_STORE_FULL: 'The database could not be written: free space on its disk; what was committed is kept.',
  E_STORE_LOCKED: 'Another process has the database open: close it first.',
  E_STORE_MEMORY: 'The database ran out of its memory limit: ask for fewer rows, or raise the limit.',
  E_STORE_READ_ONLY: 'The database is open for reading only.',
  E_STORE_STOPPED: 'The database takes no more work after a write error: restart the process.',
  E_TRADER_ANSWER: 'The trader gave an unexpected answer: see redbutton status and its log.',
  E_TRAIN: 'The native trainer failed: report this.',
  E_TUNE: 'A tuning thread failed: see its message.',
  E_UPDATE_BUSY: 'Another update is not finished: finish it with sudo redbutton update --settle.',
  E_UPDATE_COPY: 'The store cannot be copied before the update: make room.',
  E_UPDATE_REHEARSAL:
    'The new version would not start here, and nothing was changed: report this with what it says.',
  E_VERIFY_CANDLE:
    'A decision was made on a candle before it was known: keep a copy of the store and report this.',
  E_VERIFY_SETTINGS: 'No settings are stored for a decision: verify a period that this version has lived.',
  E_WINDOW: 'No person has asked for the box to be armed: run redbutton resume --rebase-peak.',
  E_WRITE:
    'A file cannot be written: check that its folder is writable and has room; the message says what is there.',
} as const;

/** Wrong usage, or input that cannot be used: exit code 2. */
export const BAD_INPUT = {
  E_BACKTEST_INPUT:
    'The candle files do not hold the markets that were named: name symbols and timeframe as the files do.',
  E_BACKTEST_STREAMS:
    'The streams of a backtest cannot share one account: give each symbol once, of one exchange and currency.',
  E_BACKUP: 'The file for the backup is already there: name a new one.',
  E_BODY: 'A request to a control socket has no such content: see the help of the command.',
  E_CARD_FILE: 'redbutton.toml on the card has mistakes: repair all that are listed and start the box again.',
  E_CARD_READ: 'The file of the card cannot be read: name a readable one.',
  E_CARD_ROOT:
    'A link leads out of the root that first boot is to write to: give a root whose links are relative.',
  E_CONFIG:
    'The configuration has mistakes: repair all that are listed; docs/configuration.md has every key.',
  E_CONFIG_READ: 'The configuration cannot be read: name a readable file with --config.',
  E_CONFIG_TOML: 'The configuration is not TOML: repair the line that is named.',
  E_CREDENTIAL: "A credential cannot be read: check the unit's LoadCredential= and the mode of the file.",
  E_CSV_COLUMN: 'A candle file lacks a column or has it twice: see redbutton backtest --help for the header.',
  E_CSV_EMPTY: 'A candle file is empty: give one with a header and at least one row.',
  E_CSV_LINE: 'A line of a candle file has another number of fields than the header: repair or delete it.',
  E_DECIMAL: 'An amount is no plain decimal number, or too large or too fine to store.',
  E_DIRECTORY: 'A folder cannot be made: name one that can be written in [device].',
  E_EXCHANGE_ADDRESS:
    'The address of an exchange cannot be used: give restUrl and wsUrl of the exchange itself, or none.',
  E_EXCHANGE_UNKNOWN: 'ccxt knows no exchange of that name: write exchange.id as ccxt does, as in "binance".',
  E_FEATURE_INPUT: 'The arrays for the features do not fit the candles: see the message.',
  E_FILE_MISSING: 'A candle file does not exist: check its path.',
  E_FILE_UNREADABLE: 'A candle file cannot be read: name a regular file that this user may read.',
  E_FOLDS: 'The history leaves no room for a test: give a longer one, or shorter --train and --test.',
  E_GUARD_LINES: 'guard.mode is in-process, and the command has no lines for it: use a guard process.',
  E_GZIP: 'A packed candle file cannot be unpacked: fetch or copy it again.',
  E_KEY_TRADE: 'The API key may not trade: give it that right at the exchange, or set mode = "paper".',
  E_KEY_WITHDRAWS:
    'The API key may withdraw money, and no such key is used: take that right from it at the exchange.',
  E_LIKE: 'The stored run has no decision for that market: name the symbol and exchange of the run.',
  E_LIVE_BUTTON: 'Real money would be traded without a button to stop it: use real GPIO, or stay on paper.',
  E_LIVE_REFUSED: 'Live trading is refused for several reasons: see to each, or set mode = "paper".',
  E_MODEL_COLUMNS: 'The model has other columns than this version computes: train one with this version.',
  E_MODEL_FEATURES: 'The model was trained on another feature set: train one with this version.',
  E_MODEL_FILE: 'The model file is empty or far too large: export it again.',
  E_MODEL_GRAPH:
    'The model lacks an input or output that its manifest names: restore its folder, or add it again.',
  E_MODEL_INPUT: 'The model takes another input than one table of the features: export it that way.',
  E_MODEL_LOAD: 'The ONNX runtime refuses the model: export it with operators that the runtime knows.',
  E_MODEL_MANIFEST:
    'The manifest of a model cannot be used: see the message, or train or add the model again.',
  E_MODEL_MISSING: 'The folder holds no model: name one with model.onnx and manifest.json.',
  E_MODEL_NOT_FINITE:
    'The model answers no number on a probe: look for a division by zero, and export it again.',
  E_MODEL_NO_PROBABILITY:
    'No output of the model is a probability of a rise: name it with --output and --up-index.',
  E_MODEL_RUN: 'The model fails on a probe: train it on the columns of this feature set, in their order.',
  E_MODEL_SHA256: 'The model file was changed or damaged: restore its folder whole, or train again.',
  E_MODEL_WIDTH: 'The model takes another number of columns: train it on those of this feature set.',
  E_MQTT_TLS_FILE: 'A TLS file of [mqtt] cannot be read: name a PEM file that this user may read.',
  E_MQTT_URL: 'mqtt.url is not set: write mqtts://host:8883 or mqtt://host:1883.',
  E_NO_CANDLES: 'Validation leaves no candle of the file: check that it holds candles of that timeframe.',
  E_NO_FILLS: 'The database has no fill to fit the slippage to: state it with --half-spread.',
  E_NTFY_TOPIC: 'The credential ntfy-topic is not set: set it to a long random word.',
  E_ONE_CURRENCY:
    'The symbols are quoted in several currencies, and equity is counted in one: name symbols of one.',
  E_PARQUET: 'The Parquet files cannot be read as candles: see the message.',
  E_PARQUET_COLUMN: 'A Parquet file lacks a column of a candle: name its columns as in the message.',
  E_PORT_IN_USE: 'The port is taken: choose another with --port.',
  E_PROMOTED: 'The note of the promoted model cannot be read: remove it, or promote a model again.',
  E_QUARANTINED: 'Too many rows of a candle file are no candles: repair it, or say --allow-quarantined.',
  E_QUERY: 'The query was refused: ask one SELECT; the store is read-only here.',
  E_REPORT_EMPTY:
    'The database has no decision to report on: wait for a bar, or name another symbol or database.',
  E_RESTORE_ASIDE: 'The folder for the old database is already there: try again in a minute.',
  E_RESTORE_OTHER: 'The backup is of another box or account: name one of this box, or say --from-box.',
  E_RETRAIN_OFF: 'retraining.mode is off: set it to by-hand or on, and restart.',
  E_ROLLBACK: 'No model was promoted before, so there is none to go back to: see redbutton model list.',
  E_SANDBOX:
    'sandbox = true, and the exchange has no test network that ccxt knows: try it with mode = "paper".',
  E_SIM_FAULTS:
    'The faults for the simulator cannot be read: give a seed, or a JSON file as in docs/simulator.md.',
  E_SIM_MARKET: 'The simulator cannot replay that market: see the message.',
  E_SIM_SPEED: 'The speed of the simulator is not above 0: give bars per second.',
  E_SIM_START: 'The simulator would start outside of its bars: leave at least one bar before the start.',
  E_STORE_DAMAGED: 'The database is damaged: restore a backup, or start with the option that moves it aside.',
  E_STORE_NEWER: 'A newer version of Redbutton wrote the database: run that version.',
  E_STORE_PATH: 'The database cannot be opened at its path: see the message, or set device.stateDir.',
  E_SYMBOL_UNKNOWN: 'The exchange does not list the symbol: write it as ccxt does, as in "BTC/USDT".',
  E_TIMEFRAME: 'That is no timeframe: write a number and a unit, as in 15m, 4h or 1d.',
  E_TIME_UNIT: 'The times of a candle file are in no unit, or in several: write all in one unit.',
  E_TIMEFRAME_UNSUPPORTED: 'The exchange has no candles of that timeframe: set one of those that are listed.',
  E_TRAIN_CLASSES:
    'All training rows have the same label: train on a span in which the price rises and falls.',
  E_TRAIN_ROWS: 'There are too few or too many training rows: train on a longer or shorter span.',
  E_TRAIN_VALUE: 'A training row has a value that is not finite: leave it out.',
  E_TUNE_STATE: 'The state file is of another run: name another with --state, or remove it.',
  E_UPDATE_ARCH:
    'The release is for another processor or a newer Node.js: take the other file, or update the system.',
  E_UPDATE_FILE: 'The release or its signature cannot be read: bring both files, side by side.',
  E_UPDATE_OLDER: 'The release is not newer than what is installed: say --allow-older if you mean it.',
  E_UPDATE_POSITIONS: 'Positions are open: wait until the box is flat, or say --with-open-positions.',
  E_UPDATE_RELEASE: 'The file is no release of Redbutton: make one with scripts/build-release.',
  E_UPDATE_ROOT: 'An update needs root: call it with sudo.',
  E_UPDATE_SIGNATURE:
    'The release is not signed by a known key: fetch it again where it is published, and do not install it.',
  E_UPDATE_UNKNOWN:
    'Whether positions are open is unknown: wait for the trader, or say --with-open-positions.',
  E_USAGE: 'The command was called in a way that it does not have: see its --help.',
  E_VENUE_GONE:
    'An order has an unknown outcome at an exchange that is no longer configured: put its section back.',
  E_VERIFY_EMPTY: 'The store has no decision of that period: name another.',
} as const;

/** Why live trading is refused, one or several at once: exit code 2. */
export const LIVE_BLOCKERS = {
  E_EXCHANGE_UNPROVEN:
    'The exchange is not proven for live orders: see docs/exchanges.md, or leave it on paper.',
  E_KEY_MISSING: 'The exchange has no API key: give both halves as credentials, or set mode = "paper".',
  E_LIVE_ACKNOWLEDGEMENT:
    'liveAcknowledgement does not say that you know you trade real money: write it, word for word.',
  E_LIVE_CONTRACT_SIZE:
    'A contract is not one coin, and amounts are counted in coins: trade one that is, or spot.',
  E_LIVE_DERIVATIVE: 'Derivatives are not proven for live orders: trade spot symbols live.',
  E_LIVE_FUTURES: 'The futures of that exchange are not counted or ended as ours are: leave them on paper.',
  E_LIVE_INVERSE:
    'The box cannot account for inverse contracts: trade one that is settled in its quote currency.',
  E_LIVE_MARKET_ORDERS: 'Market orders are not proven there: set execution.orderType = "limit_ioc".',
  E_LIVE_MIXED: 'One [[exchange]] holds both spot and derivatives: leave one of the two kinds out.',
  E_LIVE_NOT_EARNED: 'The box has not traded on paper long enough, or not well enough: see the message.',
  E_LIVE_STOPS:
    'Stops are asked for and not proven there: trade where they are, or set risk.protectiveStopPct = 0.',
  E_ORDER_TYPE: 'Orders of that type cannot be placed for the symbol: trade it at another exchange.',
} as const;

/** In the log, in redbutton status or in the answer of a control socket; no command ends with it. */
export const REPORTED = {
  E_ALERT: 'An alert was lost: see the detail in the log.',
  E_ALERT_REFUSED: 'The broker or ntfy refused an alert, which is sent again: check rights and quotas there.',
  E_ALERT_THREAD: "The guard's thread for alerts ended, and is started again.",
  E_ALERT_UNHEARD: 'No one is subscribed to the alerts, which wait a while: subscribe a phone.',
  E_CLOCK_OFF: 'The clock is not synchronised: check the network and the time server.',
  E_DAILY: 'The daily summary failed: see the detail in the log.',
  E_DEAD_MANS_SWITCH: "The exchange's own dead man's switch could not be refreshed: it is tried again.",
  E_DISK_LOW: 'The disk is nearly full: make room.',
  E_GUARD: 'The guard reports a fault: see the detail.',
  E_GUARD_WATCH: 'The guard cannot be watched: see that it runs.',
  E_INTERNAL: 'A request to a control socket failed for a reason of our own: see the log, and report it.',
  E_MARKET_CLOSED: 'The exchange has closed the market: it is asked again until it opens.',
  E_MODEL_SWAPPED:
    'The files of the model were changed while it runs: restart the trader to use the new one.',
  E_MQTT: 'The connection to the broker is down, and alerts wait: see the remedy in the log.',
  E_MQTT_CLIENT_ID: 'The id under which the broker knows the box cannot be kept: let its folder be written.',
  E_MQTT_COMMAND: 'A command over MQTT was ignored: see why in the log.',
  E_MQTT_FILLS: 'A fill event was dropped, since too many wait for the broker.',
  E_MQTT_HALT: 'A halt came in over MQTT and could not be carried out: press the red button.',
  E_MQTT_REFUSED: 'The broker refuses what the box publishes on a topic: allow it in its access list.',
  E_MQTT_SUBSCRIBE: 'The broker does not let the box subscribe, so halt over MQTT may not work: allow it.',
  E_MQTT_WATCHDOG: 'The box was away from the broker for too long: the client is built again.',
  E_NOT_A_PERSON: 'Only a person at the box may do that: call it from a login, not from a service.',
  E_NO_SUCH_COMMAND:
    'A control socket has no such command: service and command may be of different versions.',
  E_OUTBOX: 'An alert could not be stored or removed: check free space and health of the disk.',
  E_PRIORITY: 'Training runs at the priority of the trader: see the detail.',
  E_RELEASE_WATCH: 'The newest version cannot be asked for: check alerts.releaseUrl.',
  E_SHADOW: 'The shadow model failed: the one that decides is not concerned.',
  E_STORE_UPKEEP: 'Old rows could not be taken out of the store: it is tried again.',
  E_VITALS: 'The box cannot read its sensors: see the detail.',
} as const;

export type FaultCode = keyof typeof FAILED;
export type InputCode = keyof typeof BAD_INPUT;
export type LiveBlockerCode = keyof typeof LIVE_BLOCKERS;
export type ErrorCode = FaultCode | InputCode | LiveBlockerCode | keyof typeof REPORTED;
