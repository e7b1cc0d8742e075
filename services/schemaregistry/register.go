package schemaregistry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// registrar brings a registry and the contracts into agreement.
type registrar struct {
	client    *sr.Client
	contracts []Contract
}

// register looks every contract up and registers what is missing, each with
// its id and version. Refusals are joined; a registry that is away ends it.
func (r *registrar) register(ctx context.Context) error {
	var refused []error
	for i := range r.contracts {
		for _, subject := range r.contracts[i].Subjects {
			err := r.settle(ctx, subject, &r.contracts[i])
			if errors.Is(err, ErrAway) {
				return errors.Join(append(refused, err)...)
			}
			if err != nil {
				refused = append(refused, err)
			}
		}
	}
	return errors.Join(refused...)
}

// settle brings one subject in order.
func (r *registrar) settle(ctx context.Context, subject string, c *Contract) error {
	known, err := r.known(ctx, subject, c)
	if known || err != nil {
		return err
	}
	holder, err := r.client.SchemaByID(ctx, c.ID)
	switch {
	case err == nil && !same(holder.Schema, c.Definition):
		return &Refusal{
			Subject: subject, Problem: fmt.Sprintf("id %d belongs to another schema in this registry", c.ID),
			Remedy: "use a registry in which the ids 710100 to 719999 are free, or give orderledger a registry of its own",
		}
	case err != nil && !missing(err):
		return classify(subject, "read the schema by its id", err)
	}
	if err := r.compatible(ctx, subject, c); err != nil {
		return err
	}
	return r.add(ctx, subject, c)
}

// known reports whether the subject holds the schema under our id, and refuses
// what stands in its way.
func (r *registrar) known(ctx context.Context, subject string, c *Contract) (bool, error) {
	found, err := r.client.LookupSchema(ctx, subject, sr.Schema{Schema: c.Definition})
	if missing(err) { // perhaps with other docs
		found, err = r.client.SchemaByVersion(ctx, subject, c.Version)
		if missing(err) {
			return false, nil
		}
		if err == nil && !same(found.Schema.Schema, c.Definition) {
			return false, &Refusal{
				Subject: subject, Problem: fmt.Sprintf("version %d is another schema than ours", c.Version),
				Remedy: fmt.Sprintf("if nobody needs it, delete the subject (DELETE /subjects/%s, then again with ?permanent=true) and start again; otherwise name another registry", subject),
			}
		}
	}
	if err != nil {
		return false, classify(subject, "look the schema up", err)
	}
	if found.ID != c.ID {
		return false, &Refusal{Subject: subject, Problem: fmt.Sprintf("the schema has id %d there, but records carry id %d", found.ID, c.ID), Remedy: remedyIDs(subject)}
	}
	return true, nil
}

// remedyIDs is what to do with ids that the registry chose.
func remedyIDs(subject string) string {
	return fmt.Sprintf("delete the subject (DELETE /subjects/%s, then again with ?permanent=true) and start again: it is then registered with its id; a registry that takes no ids cannot serve these topics", subject)
}

// compatible asks the registry whether the schema may follow the subject's
// newest one. It is asked first, because in IMPORT mode registries do not check.
func (r *registrar) compatible(ctx context.Context, subject string, c *Contract) error {
	result, err := r.client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, -1, sr.Schema{Schema: c.Definition})
	switch {
	case missing(err): // nothing there to be compatible with
		return nil
	case err != nil:
		return classify(subject, "check compatibility", err)
	case !result.Is:
		return &Refusal{
			Subject: subject, Problem: "it holds another schema, with which ours is not compatible (" + strings.Join(result.Messages, "; ") + ")",
			Remedy: fmt.Sprintf("find out who registered it (GET /subjects/%s/versions/latest); delete the subject if nobody needs it, otherwise name another registry", subject),
		}
	}
	return nil
}

// attempts of processes that start together and take the subject's mode back
// from each other.
const attempts = 3

// add registers the schema with its id and version, in IMPORT mode where the
// registry insists on it.
func (r *registrar) add(ctx context.Context, subject string, c *Contract) error {
	schema := sr.Schema{Schema: c.Definition}
	id, err := r.client.RegisterSchema(ctx, subject, schema, c.ID, c.Version)
	for n := 0; n < attempts && notImporting(err); n++ {
		id, err = r.importing(ctx, subject, c)
	}
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return err
	}
	if err != nil {
		if known, again := r.known(ctx, subject, c); known && again == nil {
			return nil // another process was faster
		}
		return classify(subject, "register the schema", err)
	}
	if id != c.ID {
		return &Refusal{Subject: subject, Problem: fmt.Sprintf("the registry gave the schema id %d of its own, but records carry id %d", id, c.ID), Remedy: remedyIDs(subject)}
	}
	return nil
}

// importing registers in IMPORT mode, and takes the subject's mode back
// whatever comes of it.
func (r *registrar) importing(ctx context.Context, subject string, c *Contract) (int, error) {
	// Forced: a subject that holds earlier versions is not empty.
	if err := r.client.SetMode(sr.WithParams(ctx, sr.Force), sr.ModeImport, subject)[0].Err; err != nil {
		if err := classify(subject, "set the mode IMPORT", err); errors.Is(err, ErrAway) {
			return 0, err
		}
		return 0, &Refusal{
			Subject: subject, Problem: "the registry takes ids in IMPORT mode only, and refuses that mode: " + err.Error(), err: err,
			Remedy: fmt.Sprintf(`let an administrator set it (PUT /mode/%s?force=true {"mode":"IMPORT"}), start orderledger, and take it back (DELETE /mode/%s)`, subject, subject),
		}
	}
	id, err := r.client.RegisterSchema(ctx, subject, sr.Schema{Schema: c.Definition}, c.ID, c.Version)
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	if reset := r.client.ResetMode(back, subject)[0].Err; reset != nil && !missing(reset) && err == nil {
		return id, &Refusal{
			Subject: subject, Problem: "its schema is registered, but its mode is still IMPORT: " + reset.Error(), err: reset,
			Remedy: fmt.Sprintf("take the mode back (DELETE /mode/%s) and start again", subject),
		}
	}
	return id, err
}
