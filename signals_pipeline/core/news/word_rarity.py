"""How much a word says about which event a headline reports: common words of finance headlines say little.

The table holds the stems of words in at least 57 of 42,259 headlines of SEntFiN, StockNet, the Twitter financial news
sets and the bundled sample. Names of products and of smaller companies are left out, however often they occur: they say
which event it is. The table is fixed, so that a headline's story does not depend on what else is in a delivery.
"""

# Weight of a word that is not in the table: ln(1 / share of headlines with it) - 2 for a word in 26 of 42,259.
RARE = 5.4

# Stems by weight: the same formula, rounded.
_STEMS: dict[float, str] = {
    1.0: """
        bank market pric rs year
    """,
    2.0: """
        ahead back big billion bond business call capital china cror data day declar demand dividend dollar
        economy end energy expect fed financial fund futur get global good growth high hit increas india industry
        inflation interest investor look loss low million month now oil one per plan point president rate record
        second see sell servic take time trad uk us watch week
    """,
    3.0: """
        abov accord action add again against agreement america american among analyst announcement another appoint
        around asia asset august becom below best bet better biden biggest bill brand build bullish cap case cash
        cent central chang chines city climat clos com come concern conferenc consumer continu contract coronaviru
        cost country covid cr credit crisi crud crypto debt despit director dow driv early ecb economic election
        electric elon equity estimat etf eu euro europ european even exchang executiv expand expectation export
        extend face fear federal financ firm fiscal five focu follow food forc forecast former fuel full further
        fy gaap gas general go going gold government grow guidanc head health hedg help hold home hope hous impact
        index international invest investment ipo issu join july june keep key last latest lead level like likely
        limit line list live loan long major mak make management marketscreener media meet minister mitesh mobil
        money mortgag move much musk name nearly need network nifty number off offic official opportunity option
        order other outlook own part partner pay pc peopl pharma pick play policy positiv post potential power pre
        presentation prim product production project property provid public push put reach real recession remain
        reserv retail return right risk run rupe russia russian sebi sector security seen sensex set shareholder
        short should show sign sinc slow solution some spac spend stak stat step still stor street strong supply
        support system tax team technology term test thacker thing think third thre through today too trader trial
        trump turn two ukrain under unit use valu valuation wall want warn way weak well whil win work world yield
        york
    """,
    4.0: """
        ab accelerat access account across act activ activity actual ad additional administration advanc advisor
        africa ag agency ago agre aim air airlin airport allow almost already also am analysi annual any ap app
        appear application appointment approach approv approval april arabia area arm asian ask attack attempt
        attractiv auction australia authority auto averag avoid award away bad balanc ban bancorp banker
        bankruptcy barrel bas base basi battery battl bbg bear bearish becaus begin behind being benchmark benefit
        between beyond bigger billionair black blackrock bln block bn book bori both bottom bounc brazil
        breakingview breakout brent brief bring britain british broker brokerag bse budget buffett bull buyback
        buyer buyout bw california campaign canada canadian cancer candidat cannabi capacity car card care caus
        celsiu cement center cfo chain chairman challeng charg chart chas cheap check chip choksey claim class
        clear clinical cloud coal coffe commerc commercial commission committe commodity common communication
        community competition complet condition confidenc confirm congress consensu conservativ construction
        contact control cool copper core corporat correction cover cpi crash creat cross cue curb currency current
        customer daily date de decad december decision deepak delay deliver delivery delta democrat department
        detail develop developer development deven devic digital disappoint discount distribution doubl draghi
        drug due dur earlier earn ease economist edge edit effort electronic emerg employe encourag engineer
        enough enter enterpris entertainment est estat ev event ever everyth ex exclusiv exit expansion experienc
        expert explain eye fac facility fail far fast fda featur february fee few fight fii fil file final finally
        find fine fix flat flight flow focus fold foreign form forward found founder four fourth franc fraud free
        french fresh friday ftse gainer game gap gasolin gdp generation german germany gett giant give gmt goe got
        governor grant great green ground guid half halt happen hard healthcar hear heat held highest highlight
        him hir hire history holiday hong host hot hour huge hurt idea imf import important improv includ indian
        indonesia industrial information infra infrastructur initial insider insuranc internet inventory
        investigat investigation italian italy jame jan january japan jet joe john johnson jone jun kill know kong
        lab labor land lanka larg largest late later law leader leadership learn least leav led left lend lender
        less let letter licens life link liquidity littl liv lng local lockh logistic london longer loom los lose
        loser lost lot lowest ma made main maker man manag manager manufactur many march margin mario mark mart
        martin material matter max mcx mean measur mecklai medical mehta member metal mexico mid middl min minut
        mix mln model mohoni momentum monday monetary monthly morn motor mov mover multi must mutual nam nation
        national natural negativ neutral never nice nikkei non nord norm north note nov november nse october
        officer old once onlin only opec operat operation opinion outbreak output pace pacific packag pandemic
        paper parity partnership party pass past pat patent patient payment peak peer perform performanc
        pharmaceutical phas phon pipelin plac plann plant pm podcast political poll portfolio position possibl
        powell prakash premium prepar present prev preview previou privat pro prob problem process producer
        program progress promis propos proposal prospect protest psu pull putin question quit race rail rang rbi
        ready really realty reason rebound receiv recent recommend recover recovery red region regulator
        regulatory reit reject relat relief replac research resign resistanc resourc respons resum retailer rev
        review rishi rival road robust role round rout rtr rule sa sach safety same sanction sandeep saudi scal
        schedul scienc season sec secretary secur select semiconductor senat send senior sentiment september sery
        session shift shortag si signal significant silver singapor singl six slideshow slightly slowdown small
        smart smartphon social softwar solar sold solid soon south split sport spot spread squeez sri st staff
        stag stanley star startup statement stay steady steel stop story straight strategic strategist strategy
        stream strength strengthen strik struggl study subscrib subscriber subsidiary sugar suggest suiss summer
        sun sunak supplier surpris survey sustainabl tak tariff technical telecom tell texa th thank therapeutic
        threat threaten thursday tighten tomorrow tool tory total toward track transaction travel treasury
        treatment trend trigger trillion troubl trust try tuesday tv uncertainty union until upsid usd used user
        using utility vaccin vehicl ventur very vice viru volatility volum vote wage wagl wait wal war water wave
        weakness wealth webcast wednesday weekly whether whit wind winter wire within without women won worker
        worldwid worry worst worth xi yellen yet yuan
    """,
}


# Names of companies that stand in many lists and comparisons of stocks: less than a name that few headlines have.
_FAMILIAR_NAME = 3.0
_FAMILIAR_NAMES = """
    adob alibaba alphabet amazon amd appl berkshir boe broadcom chevron cisco citigroup coca cola comcast costco disney
    exxon facebook fedex ford goldman googl ibm intel jpmorgan mcdonald merck meta micron microsoft morgan netflix nik
    nvidia oracl palantir paypal pepsico pfizer qualcomm salesforc samsung sach starbuck tesla twitter uber verizon visa
    walmart yahoo
"""


_WEIGHT_BY_STEM = {stem: weight for weight, stems in _STEMS.items() for stem in stems.split()} | dict.fromkeys(
    _FAMILIAR_NAMES.split(), _FAMILIAR_NAME
)


def rarity(stem: str) -> float:
    """Weight of a stem, from 1 for the most common to `RARE`."""
    return _WEIGHT_BY_STEM.get(stem, RARE)
