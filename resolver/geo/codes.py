"""Places by their three letters: airports (IATA), and cities that operators name their sites by.

Where name servers are known to stand, as of 2026-11: code, country, latitude, longitude, city. The
figures are those of airports (airportsdata 20260905, MIT licence), to a tenth of a degree; cities
have their own (UN/LOCODE). Where airportsdata is installed (the extra `geo`), it knows the rest.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

_TABLE: Final = """
ABJ CI 5.3 -3.9 Abidjan; ABQ US 35.0 -106.6 Albuquerque; ABV NG 9.0 7.3 Abuja;
ACC GH 5.6 -0.2 Accra; ADB TR 38.3 27.2 Izmir; ADD ET 9.0 38.8 Addis Ababa;
ADL AU -34.9 138.5 Adelaide; AEP AR -34.6 -58.4 Buenos Aires; AKL NZ -37.0 174.8 Auckland;
ALA KZ 43.4 77.0 Almaty; ALG DZ 36.7 3.2 Algiers; ALY EG 31.2 29.9 Alexandria;
AMD IN 23.1 72.6 Ahmedabad; AMM JO 31.7 36.0 Amman; AMS NL 52.3 4.8 Amsterdam;
ANC US 61.2 -150.0 Anchorage; ANR BE 51.2 4.4 Antwerp; APW WS -13.8 -172.0 Apia;
ARN SE 59.7 17.9 Stockholm; ASB TM 38.0 58.4 Ashgabat; ASU PY -25.2 -57.5 Asuncion;
ATH GR 37.9 23.9 Athens; ATL US 33.6 -84.4 Atlanta; AUH AE 24.4 54.7 Abu Dhabi;
AUS US 30.2 -97.7 Austin; BAH BH 26.3 50.6 Manama; BCN ES 41.3 2.1 Barcelona;
BEG RS 44.8 20.3 Belgrade; BER DE 52.4 13.5 Berlin; BEY LB 33.8 35.5 Beirut;
BGI BB 13.1 -59.5 Bridgetown; BGW IQ 33.3 44.2 Baghdad; BJM BI -3.3 29.3 Bujumbura;
BJS CN 39.9 116.4 Beijing; BKK TH 13.7 100.7 Bangkok; BKO ML 12.5 -7.9 Bamako;
BLR IN 13.2 77.7 Bengaluru; BNA US 36.1 -86.7 Nashville; BNE AU -27.4 153.1 Brisbane;
BOD FR 44.8 -0.7 Bordeaux; BOG CO 4.7 -74.1 Bogota; BOI US 43.6 -116.2 Boise;
BOM IN 19.1 72.9 Mumbai; BOS US 42.4 -71.0 Boston; BRQ CZ 49.2 16.7 Brno;
BRU BE 50.5 4.3 Brussels; BSB BR -15.9 -47.9 Brasilia; BSL FR 47.6 7.5 Basel;
BSZ KG 43.1 74.5 Bishkek; BTS SK 48.2 17.2 Bratislava; BUD HU 47.4 19.3 Budapest;
BUE AR -34.6 -58.4 Buenos Aires; BUF US 42.9 -78.7 Buffalo; BUH RO 44.4 26.1 Bucharest;
BWI US 39.2 -76.7 Baltimore; BWN BN 4.9 114.9 Bandar Seri Begawan; CAI EG 30.1 31.4 Cairo;
CAN CN 23.4 113.3 Guangzhou; CBR AU -35.3 149.2 Canberra; CCS VE 10.6 -67.0 Caracas;
CCU IN 22.7 88.4 Kolkata; CDG FR 49.0 2.5 Paris; CEB PH 10.3 124.0 Cebu;
CGH BR -23.6 -46.7 Sao Paulo; CGK ID -6.1 106.7 Jakarta; CHC NZ -43.5 172.5 Christchurch;
CHI US 41.9 -87.6 Chicago; CKG CN 29.7 106.6 Chongqing; CLE US 41.4 -81.9 Cleveland;
CLO CO 3.5 -76.4 Cali; CLT US 35.2 -81.0 Charlotte; CMB LK 7.2 79.9 Colombo;
CMH US 40.0 -82.9 Columbus; CMN MA 33.4 -7.6 Casablanca; CNF BR -19.6 -44.0 Belo Horizonte;
CNX TH 18.8 99.0 Chiang Mai; COK IN 10.2 76.4 Kochi; COO BJ 6.4 2.4 Cotonou;
COR AR -31.3 -64.2 Cordoba; CPH DK 55.6 12.7 Copenhagen; CPT ZA -34.0 18.6 Cape Town;
CTS JP 42.8 141.7 Sapporo; CTU CN 30.6 103.9 Chengdu; CUR CW 12.2 -69.0 Willemstad;
CUZ PE -13.5 -71.9 Cusco; CWB BR -25.5 -49.2 Curitiba; DAC BD 23.8 90.4 Dhaka;
DAD VN 16.0 108.2 Da Nang; DAL US 32.8 -96.9 Dallas; DAM SY 33.4 36.5 Damascus;
DAR TZ -6.9 39.2 Dar es Salaam; DCA US 38.9 -77.0 Washington; DEL IN 28.6 77.1 New Delhi;
DEN US 39.9 -104.7 Denver; DFW US 32.9 -97.0 Dallas; DKR SN 14.7 -17.5 Dakar;
DLA CM 4.0 9.7 Douala; DMM SA 26.5 49.8 Dammam; DOH QA 25.3 51.6 Doha; DPS ID -8.7 115.2 Denpasar;
DRW AU -12.4 130.9 Darwin; DTW US 42.2 -83.4 Detroit; DUB IE 53.4 -6.3 Dublin;
DUR ZA -29.6 31.1 Durban; DUS DE 51.3 6.8 Duesseldorf; DXB AE 25.3 55.4 Dubai;
DYU TJ 38.5 68.8 Dushanbe; EBB UG 0.0 32.4 Kampala; EDI GB 56.0 -3.4 Edinburgh;
ESB TR 40.1 33.0 Ankara; EVN AM 40.1 44.4 Yerevan; EWR US 40.7 -74.2 Newark;
EZE AR -34.8 -58.5 Buenos Aires; FCO IT 41.8 12.3 Rome; FIH CD -4.4 15.4 Kinshasa;
FOR BR -3.8 -38.5 Fortaleza; FRA DE 50.0 8.5 Frankfurt; FRU KG 43.1 74.5 Bishkek;
FUK JP 33.6 130.5 Fukuoka; GBE BW -24.6 25.9 Gaborone; GDL MX 20.5 -103.3 Guadalajara;
GEO GY 6.5 -58.3 Georgetown; GGZ CN 23.1 113.3 Guangzhou; GIG BR -22.8 -43.3 Rio de Janeiro;
GMP KR 37.6 126.8 Seoul; GOT SE 57.7 12.3 Gothenburg; GRU BR -23.4 -46.5 Sao Paulo;
GUA GT 14.6 -90.5 Guatemala City; GUM GU 13.5 144.8 Guam; GVA CH 46.2 6.1 Geneva;
GYD AZ 40.5 50.0 Baku; GYE EC -2.2 -79.9 Guayaquil; HAM DE 53.6 10.0 Hamburg;
HAN VN 21.2 105.8 Hanoi; HAV CU 23.0 -82.4 Havana; HBA AU -42.8 147.5 Hobart;
HEL FI 60.3 25.0 Helsinki; HIR SB -9.4 160.1 Honiara; HKG HK 22.3 113.9 Hong Kong;
HND JP 35.6 139.8 Tokyo; HNL US 21.3 -157.9 Honolulu; HRE ZW -17.9 31.1 Harare;
HYD IN 17.2 78.4 Hyderabad; IAD US 38.9 -77.5 Washington; IAH US 30.0 -95.3 Houston;
ICN KR 37.5 126.5 Seoul; IEV UA 50.4 30.4 Kyiv; IKA IR 35.4 51.2 Tehran;
IND US 39.7 -86.3 Indianapolis; ISB PK 33.5 72.8 Islamabad; IST TR 41.3 28.8 Istanbul;
ITM JP 34.8 135.4 Osaka; JAX US 30.5 -81.7 Jacksonville; JED SA 21.7 39.2 Jeddah;
JFK US 40.6 -73.8 New York; JIB DJ 11.5 43.2 Djibouti; JKT ID -6.2 106.8 Jakarta;
JNB ZA -26.1 28.2 Johannesburg; KBL AF 34.6 69.2 Kabul; KBP UA 50.3 30.9 Kyiv;
KEF IS 64.0 -22.6 Reykjavik; KGL RW -2.0 30.1 Kigali; KHH TW 22.6 120.3 Kaohsiung;
KHI PK 24.9 67.2 Karachi; KIN JM 17.9 -76.8 Kingston; KIV MD 46.9 28.9 Chisinau;
KIX JP 34.4 135.2 Osaka; KJA RU 56.2 92.5 Krasnoyarsk; KRK PL 50.1 19.8 Krakow;
KRT SD 15.6 32.6 Khartoum; KTI KH 11.4 104.9 Phnom Penh; KTM NP 27.7 85.4 Kathmandu;
KUL MY 2.7 101.7 Kuala Lumpur; KWI KW 29.2 48.0 Kuwait City; KZN RU 55.6 49.3 Kazan;
LAD AO -8.9 13.2 Luanda; LAS US 36.1 -115.2 Las Vegas; LAX US 33.9 -118.4 Los Angeles;
LBV GA 0.5 9.4 Libreville; LCA CY 34.9 33.6 Larnaca; LED RU 59.8 30.3 St. Petersburg;
LFW TG 6.2 1.3 Lome; LGA US 40.8 -73.9 New York; LGW GB 51.1 -0.2 London; LHE PK 31.5 74.4 Lahore;
LHR GB 51.5 -0.5 London; LIL FR 50.6 3.1 Lille; LIM PE -12.0 -77.1 Lima; LIN IT 45.4 9.3 Milan;
LIS PT 38.8 -9.1 Lisbon; LJU SI 46.2 14.5 Ljubljana; LLW MW -13.8 33.8 Lilongwe;
LON GB 51.5 -0.1 London; LOS NG 6.6 3.3 Lagos; LPB BO -16.5 -68.2 La Paz;
LUN ZM -15.3 28.5 Lusaka; LUX LU 49.4 6.1 Luxembourg; LYS FR 45.7 5.1 Lyon;
MAA IN 13.0 80.2 Chennai; MAD ES 40.5 -3.6 Madrid; MAN GB 53.4 -2.3 Manchester;
MAO BR -3.0 -60.0 Manaus; MBA KE -4.0 39.6 Mombasa; MCI US 39.3 -94.7 Kansas City;
MCO US 28.4 -81.3 Orlando; MCT OM 23.6 58.3 Muscat; MDE CO 6.2 -75.4 Medellin;
MDW US 41.8 -87.8 Chicago; MEL AU -37.7 144.8 Melbourne; MEM US 35.0 -90.0 Memphis;
MEX MX 19.4 -99.1 Mexico City; MFM MO 22.1 113.6 Macao; MGA NI 12.1 -86.2 Managua;
MIA US 25.8 -80.3 Miami; MIL IT 45.5 9.2 Milan; MLA MT 35.9 14.5 Malta; MLE MV 4.2 73.5 Male;
MNL PH 14.5 121.0 Manila; MOW RU 55.8 37.6 Moscow; MPM MZ -25.9 32.6 Maputo;
MRS FR 43.4 5.2 Marseille; MRU MU -20.4 57.7 Mauritius; MSP US 44.9 -93.2 Minneapolis;
MSQ BY 53.9 28.0 Minsk; MSY US 30.0 -90.3 New Orleans; MTY MX 25.8 -100.1 Monterrey;
MUC DE 48.4 11.8 Munich; MVD UY -34.8 -56.0 Montevideo; MXP IT 45.6 8.7 Milan;
NAN FJ -17.8 177.4 Nadi; NAS BS 25.0 -77.5 Nassau; NBO KE -1.3 36.9 Nairobi; NCE FR 43.7 7.2 Nice;
NGO JP 34.9 136.8 Nagoya; NIM NE 13.5 2.2 Niamey; NOU NC -22.0 166.2 Noumea;
NQZ KZ 51.0 71.5 Astana; NRT JP 35.8 140.4 Tokyo; NSI CM 3.7 11.6 Yaounde;
NYC US 40.7 -74.0 New York; OAK US 37.7 -122.2 Oakland; ODS UA 46.4 30.7 Odesa;
OKA JP 26.2 127.6 Okinawa; OKC US 35.4 -97.6 Oklahoma City; OMA US 41.3 -95.9 Omaha;
ORD US 42.0 -87.9 Chicago; ORY FR 48.7 2.4 Paris; OSA JP 34.7 135.5 Osaka; OSL NO 60.2 11.1 Oslo;
OTP RO 44.6 26.1 Bucharest; OUA BF 12.4 -1.5 Ouagadougou; OVB RU 55.0 82.7 Novosibirsk;
PAP HT 18.6 -72.3 Port-au-Prince; PAR FR 48.9 2.4 Paris; PBH BT 27.4 89.4 Paro;
PBM SR 5.5 -55.2 Paramaribo; PDX US 45.6 -122.6 Portland; PEK CN 40.1 116.6 Beijing;
PEN MY 5.3 100.3 Penang; PER AU -31.9 116.0 Perth; PHL US 39.9 -75.2 Philadelphia;
PHX US 33.4 -112.0 Phoenix; PIT US 40.5 -80.2 Pittsburgh; PKX CN 39.5 116.4 Beijing;
PMO IT 38.2 13.1 Palermo; PNH KH 11.5 104.8 Phnom Penh; PNQ IN 18.6 73.9 Pune;
POA BR -30.0 -51.2 Porto Alegre; POM PG -9.4 147.2 Port Moresby; POS TT 10.6 -61.3 Port of Spain;
POZ PL 52.4 16.8 Poznan; PPT PF -17.6 -149.6 Papeete; PRG CZ 50.1 14.3 Prague;
PTY PA 9.1 -79.4 Panama City; PUS KR 35.2 128.9 Busan; PVG CN 31.1 121.8 Shanghai;
QAS US 39.0 -77.5 Ashburn; QRO MX 20.6 -100.2 Queretaro; RAK MA 31.6 -8.0 Marrakech;
RAR CK -21.2 -159.8 Avarua; RDU US 35.9 -78.8 Raleigh; REC BR -8.1 -34.9 Recife;
REK IS 64.1 -21.9 Reykjavik; RGN MM 16.9 96.1 Yangon; RIC US 37.5 -77.3 Richmond;
RIO BR -22.9 -43.2 Rio de Janeiro; RIX LV 56.9 24.0 Riga; RKV IS 64.1 -21.9 Reykjavik;
RMO MD 46.9 28.9 Chisinau; ROM IT 41.9 12.5 Rome; RUH SA 25.0 46.7 Riyadh;
RUN RE -20.9 55.5 Saint-Denis; SAN US 32.7 -117.2 San Diego; SAO BR -23.6 -46.6 Sao Paulo;
SAP HN 15.5 -87.9 San Pedro Sula; SAT US 29.5 -98.5 San Antonio; SCL CL -33.4 -70.8 Santiago;
SDQ DO 18.4 -69.7 Santo Domingo; SEA US 47.4 -122.3 Seattle; SEL KR 37.6 127.0 Seoul;
SEZ SC -4.7 55.5 Mahe; SFO US 37.6 -122.4 San Francisco; SGN VN 10.8 106.7 Ho Chi Minh City;
SHA CN 31.2 121.3 Shanghai; SHG CN 22.5 114.1 Shenzhen; SIN SG 1.4 104.0 Singapore;
SJC US 37.4 -121.9 San Jose; SJJ BA 43.8 18.3 Sarajevo; SJO CR 10.0 -84.2 San Jose;
SJU US 18.4 -66.0 San Juan; SKG GR 40.5 23.0 Thessaloniki; SKP MK 42.0 21.6 Skopje;
SLC US 40.8 -112.0 Salt Lake City; SMF US 38.7 -121.6 Sacramento; SOF BG 42.7 23.4 Sofia;
SSA BR -12.9 -38.3 Salvador; STL US 38.7 -90.4 St. Louis; STO SE 59.3 18.1 Stockholm;
STR DE 48.7 9.2 Stuttgart; SUB ID -7.4 112.8 Surabaya; SUV FJ -18.0 178.6 Suva;
SVO RU 56.0 37.4 Moscow; SVX RU 56.7 60.8 Yekaterinburg; SXB FR 48.5 7.6 Strasbourg;
SYD AU -33.9 151.2 Sydney; SZX CN 22.6 113.8 Shenzhen; TAS UZ 41.3 69.3 Tashkent;
TBS GE 41.7 45.0 Tbilisi; TBU TO -21.2 -175.1 Nuku'alofa; TGD ME 42.4 19.3 Podgorica;
TGU HN 14.1 -87.2 Tegucigalpa; THR IR 35.7 51.3 Tehran; TIA AL 41.4 19.7 Tirana;
TIJ MX 32.5 -117.0 Tijuana; TIP LY 32.7 13.2 Tripoli; TLL EE 59.4 24.8 Tallinn;
TLS FR 43.6 1.4 Toulouse; TLV IL 32.0 34.9 Tel Aviv; TNR MG -18.8 47.5 Antananarivo;
TPA US 28.0 -82.5 Tampa; TPE TW 25.1 121.2 Taipei; TUN TN 36.9 10.2 Tunis;
TUS US 32.1 -110.9 Tucson; TYO JP 35.7 139.7 Tokyo; UIO EC -0.1 -78.4 Quito;
ULN MN 47.8 106.8 Ulaanbaatar; VIE AT 48.1 16.6 Vienna; VLI VU -17.7 168.3 Port Vila;
VNO LT 54.6 25.3 Vilnius; VTE LA 18.0 102.6 Vientiane; VVI BO -17.6 -63.1 Santa Cruz;
VVO RU 43.4 132.1 Vladivostok; WAS US 38.9 -77.0 Washington; WAW PL 52.2 21.0 Warsaw;
WDH NA -22.5 17.5 Windhoek; WLG NZ -41.3 174.8 Wellington; WUH CN 30.8 114.2 Wuhan;
XIY CN 34.4 108.8 Xi'an; YEG CA 53.3 -113.6 Edmonton; YHZ CA 44.9 -63.5 Halifax;
YMQ CA 45.5 -73.6 Montreal; YOW CA 45.3 -75.7 Ottawa; YTO CA 43.7 -79.4 Toronto;
YUL CA 45.5 -73.7 Montreal; YVR CA 49.2 -123.2 Vancouver; YWG CA 49.9 -97.2 Winnipeg;
YYC CA 51.1 -114.0 Calgary; YYZ CA 43.7 -79.6 Toronto; ZAG HR 45.7 16.1 Zagreb;
ZRH CH 47.5 8.5 Zurich
"""


class Place(NamedTuple):
    """A city. Degrees, north and east; *country*: two letters of ISO 3166."""

    code: str
    city: str
    country: str
    latitude: float
    longitude: float


@cache
def _places() -> dict[str, Place]:
    found = {}
    for row in _TABLE.strip().replace("\n", " ").split("; "):
        code, country, latitude, longitude, city = row.split(" ", 4)
        found[code] = Place(code, city, country, float(latitude), float(longitude))
    return found


def city_of(code: str) -> Place | None:
    """The place with these letters, in upper case, in our own table."""
    return _places().get(code)


class Airports:
    """All airports by their code, once they have been read: 80 ms, so in a thread of whoever has
    a loop to keep. *are_missed*: a code was asked for that only they may tell."""

    def __init__(self) -> None:
        self.are_missed = False
        self._known: dict[str, Place] | None = None

    def get(self, code: str) -> Place | None:
        """None too where they have not been read, or are not installed (the extra `geo`)."""
        if self._known is None:
            self.are_missed = True
            return None
        return self._known.get(code)

    def read(self) -> None:
        """Of the package's words; nothing without it."""
        self.are_missed = False
        try:
            import airportsdata  # noqa: PLC0415  # an extra
        except ImportError:
            self._known = {}
            return
        self._known = {
            code: Place(code, one["city"] or one["name"], one["country"], one["lat"], one["lon"])
            for code, one in airportsdata.load("IATA").items()
        }


AIRPORTS: Final = Airports()


def airport_of(code: str) -> Place | None:
    """The same; else the airport, where all are known."""
    return city_of(code) or AIRPORTS.get(code)
