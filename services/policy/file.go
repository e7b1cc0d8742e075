package policy

// document is a policy file as written. Any of its parts may stand in any file.
type document struct {
	Groups   []group  `yaml:"groups"`
	Matrix   tree     `yaml:"matrix"`
	Rollups  []rollup `yaml:"rollups"`
	Bindings tree     `yaml:"bindings"`
	Settings settings `yaml:"settings"`
}

type group struct {
	Name   text   `yaml:"name"`
	Labels labels `yaml:"labels"`
	Rules  []rule `yaml:"rules"`
}

type rule struct {
	Name        text        `yaml:"rule"`
	Disabled    bool        `yaml:"disabled"`
	From        text        `yaml:"from"`
	Until       text        `yaml:"until"`
	Unless      text        `yaml:"unless"`
	Fresh       bool        `yaml:"fresh"`
	Expr        text        `yaml:"expr"`
	For         span        `yaml:"for"`
	Bridge      span        `yaml:"bridge"`
	Within      span        `yaml:"within"`
	Exception   text        `yaml:"exception"`
	Severity    text        `yaml:"severity"`
	Steps       []step      `yaml:"steps"`
	DependsOn   []text      `yaml:"depends_on"`
	Grace       span        `yaml:"grace"`
	Labels      labels      `yaml:"labels"`
	Annotations annotations `yaml:"annotations"`
	Money       money       `yaml:"money"`
	// Never and Count are reserved forms: read, so that they can be refused
	// with more than "unknown key".
	Never text `yaml:"never"`
	Count text `yaml:"count"`
}

type step struct {
	After     span `yaml:"after"`
	Exception text `yaml:"exception"`
	Severity  text `yaml:"severity"`
}

type labels struct {
	Hop   text `yaml:"hop"`
	Owner text `yaml:"owner"`
}

type annotations struct {
	Impact  text `yaml:"impact"`
	Remedy  text `yaml:"remedy"`
	Runbook text `yaml:"runbook"`
}

type money struct {
	Role   text `yaml:"role"`
	Amount text `yaml:"amount"`
}

type rollup struct {
	System  text   `yaml:"system"`
	Axis    text   `yaml:"axis"`
	Objects []text `yaml:"objects"`
	How     text   `yaml:"how"`
}

type settings struct {
	ReopenWindow   span `yaml:"reopen_window"`
	HoldMax        span `yaml:"hold_max"`
	ResetOperators text `yaml:"reset_operators"`
	ParkSettle     span `yaml:"park_settle"`
}
