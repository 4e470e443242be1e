"""The closed lists of prescriptions: routes, dose units and packages (FDA and RxNorm words)."""

from __future__ import annotations

from devices.payloads.open_mhealth.rules import Text
from devices.payloads.open_mhealth.words import words


def _listed(text: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split(","))


_ROUTES = _listed("""
    arteriovenous fistula, arteriovenous graft, auricular, body cavity, buccal, caudal,
    colostomy, conjunctival, cutaneous, dental, digestive tract, electro-osmosis, endocervical,
    endosinusial, enteral, epidural, esophagostomy, extra-amniotic, extracorporeal, fistula,
    gastro-intestinal stoma, gastroenteral, gastrostomy, gingival, hemodialysis, ileostomy,
    infiltration, interstitial, iontophoresis, irrigation, jejunostomy, laryngeal, lower
    respiratory tract, mucous fistula, nasal, nasoduodenal, nasogastric, nasojejunal, not
    applicable, occlusive dressing technique, ophthalmic, oral, orogastric, oromucosal,
    oropharyngeal, otic, paracervical, paravertebral, parenteral, percutaneous, periarticular,
    peribulbar, peridural, perineural, periodontal, periosteal, peritendinous, periurethral,
    rectal, retrobulbar, soft tissue, subarachnoid, subconjunctival, subcutaneous, subgingival,
    sublingual, submucosal, suborbital, subretinal, subtendinous, surgical cavity, surgical
    drain, topical, transcervical, transdermal, transendocardial, transmucosal, transplacental,
    transtracheal, transtympanic, transurethral, tumor cavity, ureteral, urethral, urostomy,
    vaginal
""")
_INTRA = tuple(
    f"intra{where}"
    for where in _listed("""
    -abdominal, -amniotic, -arterial, -articular, biliary, bronchial, bursal, cardiac,
    cartilaginous, caudal, cavernous, cavitary, cerebral, cerebroventricular, cisternal,
    colonic, corneal, coronal, coronary, corporus cavernosum, cranial, dermal, discal, ductal,
    duodenal, dural, epicardial, epidermal, esophageal, gastric, gingival, hepatic, ileal,
    jejunal, lesional, lingual, luminal, lymphatic, mammary, medullary, meningeal, muscular,
    myometrial, nodal, ocular, omentum, osseous, ovarian, pericardial, peritoneal, pleural,
    prostatic, pulmonary, ruminal, sinal, spinal, sternal, synovial, tendinous, testicular,
    thecal, thoracic, tubular, tumor, tympanic, uterine, vascular, venous, venous central,
    venous peripheral, vesical, vitreal
""")
)
ROUTE_1_0: Text = words(
    *_ROUTES, *_INTRA, "endotracheal", "intraventricular", "respiratory (inhalation)"
)
ROUTE: Text = words(
    *_ROUTES,
    *_INTRA,
    *_listed("""
    endotracheopulmonary, intracameral, intramural, intraneural, intraventricular - cardiac,
    respiratory tract, sublesional
"""),
)

STRENGTH_UNITS = _listed("""
    %, AU, AU/mL, BAU, BAU/mL, BU, CCID_50, Ci, D'ag'U, FFU, IU, IU/L, IU/mL, L, Lf, LfU/mL,
    PFU, PNU, PNU/mL, TCID_50, U, USP'U, X, cm^2, dL, g, hp_C, hp_M, hp_Q, hp_X, kp_C, mCi,
    mCi/mL, mEq, mL, mU, mg, mg/actuat, mg/hr, mg/mL, mg/mg, mmol, mol, ng, nmol, organisms,
    uCi, uL, ug, ug/mL, umol, unt, unt/mL
""")
_FORMS = _listed("""
    bar, bead, capsule, cellular sheet, cloth, disc, globule, granule, gum, lozenge, pastille,
    patch, pellet, pill, pouch, ring, salve, stick, strip, suppository, swab, tablet, tampon,
    tape, vial, wafer
""")
DOSE_UNITS = (
    *STRENGTH_UNITS,
    *_FORMS,
    *("douche", "drop", "puff", "tbsp", "tsp"),
)
PACKAGES = (
    *_FORMS,
    *_listed("""
    ampule, applicator, bag, blister, bottle, box, can, canister, carton, cartridge, container,
    cup, cylinder, dose pack, inhaler, jar, jug, kit, package, packet, piece, syringe, troche,
    tube
"""),
)
